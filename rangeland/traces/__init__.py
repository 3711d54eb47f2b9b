"""Allocation traces of real programs: readers and the replay engine."""
