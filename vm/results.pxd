cdef enum:
    OK = 0
    FAIL = 1
    RESOURCE = 2
    MEMORY = 3
    LIMIT = 4
    UNIMPL = 5
    IO = 6
    COMMIT_LIMIT = 7
    PARAM = 8
