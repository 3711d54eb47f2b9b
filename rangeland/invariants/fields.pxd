cdef enum:
    ALLOC = 0
    NEWEST = 1
    OLDEST = 2
    ANY = 3

    GOOD = 0
    OVERLAP = 1
    OUTSIDE = 2
    MISALIGNED = 3
    CONTENTS = 4
    ACCOUNTS = 5
    NONSENSE = 6
    REFUSED = 7
    UNWOUND = 8

    WHOLE = 64
    EDGE = 32
