"""Models of our own pool classes: what each promises, to the byte."""
