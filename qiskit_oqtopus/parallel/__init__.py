"""Circuits side by side: placed on good qubits of a chip, merged into one program, and split again."""
