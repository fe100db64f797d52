"""Server-side execution (sse jobs): the job, the sandbox of its program, and the environment inside it."""
