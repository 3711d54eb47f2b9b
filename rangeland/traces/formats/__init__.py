"""The formats of traces, a module each (design/readers.md#.sol.format)."""
