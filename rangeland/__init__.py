"""Rangeland: a memory-manager simulator in the style of the MPS."""
