"""Suppression and mitigation of errors: circuits that suppress them, and the arithmetic that undoes them."""
