"""What an event of a trace can be: the values of the column `op`."""

ALLOC = 0
FREE = 1
REALLOC = 2
