"""Qiskit's primitives on OQTOPUS, and on any other backend."""
