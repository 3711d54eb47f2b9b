from libc.stdint cimport int64_t


cdef class Interrupts:
    cdef public int64_t depth
    cdef readonly bint held
    cdef list _signals
    cdef list _known
    cdef object _error

    cpdef int64_t watch(self) except? -1
    cpdef int64_t hold(self, object error) except? -1
    cpdef int64_t deliver(self) except? -1
