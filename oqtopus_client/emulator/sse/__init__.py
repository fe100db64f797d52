"""Programs that run on the server (sse jobs): the job, its sandbox, and what the program finds in its container."""
