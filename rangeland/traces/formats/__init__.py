"""The formats of traces, a module each (design/replay.md#.sol.reader)."""
