"""What SDK users work with: clients, job specifications, devices and typed results."""
