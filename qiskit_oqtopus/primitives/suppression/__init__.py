"""Error suppression and mitigation: options, circuit passes, and the mathematics of readout and extrapolation."""
