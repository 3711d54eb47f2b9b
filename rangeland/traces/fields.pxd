cdef enum:
    ALLOC = 0
    FREE = 1
    REALLOC = 2
