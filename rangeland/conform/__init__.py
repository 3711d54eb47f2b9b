"""conform: repeat what the real MPS was recorded doing, and compare."""
