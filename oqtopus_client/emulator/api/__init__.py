"""The emulator's endpoints, one module for each part of the User API, and its storage."""
