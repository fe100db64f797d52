"""Nothing here is for pytest: these scripts import what its environment does not have. See `run.py`."""

collect_ignore_glob = ["*.py"]
