from libc.stdint cimport int64_t


cdef class Telemetry:
    cdef readonly int64_t mask
    cdef list _listeners
    cdef int64_t _strings

    cdef int64_t note(self, int64_t code, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) except? -1 with gil
