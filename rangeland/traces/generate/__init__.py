"""Traces that are made up: patterns, distributions, and imitations (design/generate.md)."""
