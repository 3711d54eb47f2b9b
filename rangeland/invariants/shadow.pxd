cimport cython
from libc.stdint cimport int64_t
from vm cimport fields as f
from vm cimport raw


@cython.locals(bits=int64_t)
cdef int64_t mask(int64_t lo, int64_t hi) except? -1 nogil


@cython.final
cdef class Shadow:
    cdef readonly int64_t base
    cdef int64_t* words
    cdef object _memory

    @cython.locals(found=int64_t)
    cpdef int64_t mark(self, int64_t base, int64_t limit) except? -2 nogil
    cpdef int64_t clear(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(word=int64_t)
    cdef int64_t _marked(self, int64_t lo, int64_t hi) except? -2 nogil
    @cython.locals(bits=int64_t)
    cdef int64_t _set(self, int64_t lo, int64_t hi, int64_t value) except? -1 nogil
