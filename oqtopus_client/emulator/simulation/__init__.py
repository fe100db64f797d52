"""Preparation and execution of jobs, as pure functions of picklable values."""
