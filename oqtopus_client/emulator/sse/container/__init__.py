"""Modules of the container. This folder is on a program's `PYTHONPATH`, so that it can import `sse_driver`."""
