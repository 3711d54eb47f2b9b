"""Mutants: mistakes that a machine makes in our own code, and who notices them
(design/mutants.md)."""
