"""The methods of the clients, one subject a module."""
