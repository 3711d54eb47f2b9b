"""The forms in which traces are written for others, a module each (design/forms.md#.sol.writer)."""
