"""Server-side execution (sse jobs): the job, the sandbox of its program, and the program's surroundings in there."""
