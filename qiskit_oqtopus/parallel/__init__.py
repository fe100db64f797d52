"""Circuits side by side on a chip: their places, the program that runs them, and the counts of each."""
