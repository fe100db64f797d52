"""The Provider API: the seat of an engine that runs the emulator's jobs, in another process."""
