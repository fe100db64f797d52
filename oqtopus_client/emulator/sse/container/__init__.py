"""What a server-side program finds around it. This folder is on its `PYTHONPATH`: it imports `sse_driver`."""
