"""The console: web pages of a served emulator, beside its User API."""
