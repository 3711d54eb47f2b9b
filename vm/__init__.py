"""vm: the simulated machine. Imports nothing above it (design/index.md)."""

from vm import speed

speed.install()
