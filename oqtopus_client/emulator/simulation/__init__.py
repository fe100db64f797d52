"""What the cloud's engine and its devices do with a job, as pure functions of picklable values."""
