"""The Provider API, through which an engine in another process runs the emulator's jobs."""
