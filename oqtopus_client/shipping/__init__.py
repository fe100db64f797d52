"""Functions shipped to servers, which run them next to the device, and what they report back through the log."""
