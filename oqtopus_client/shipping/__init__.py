"""Functions that are sent to servers and run next to the device, and their reports in the log."""
