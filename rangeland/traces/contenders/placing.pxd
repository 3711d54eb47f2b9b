cimport cython
from libc.stdint cimport int64_t
from vm cimport raw


@cython.final
cdef class Packer:
    cdef readonly int64_t count
    cdef int64_t[::1] lower
    cdef int64_t[::1] upper
    cdef int64_t[::1] size
    cdef int64_t[::1] align
    cdef readonly int64_t[::1] order
    cdef readonly int64_t[::1] base
    cdef int64_t[::1] placed
    cdef int64_t* words_lower
    cdef int64_t* words_upper
    cdef int64_t* words_size
    cdef int64_t* words_align
    cdef int64_t* words_order
    cdef int64_t* words_base
    cdef int64_t* words_placed
    cdef readonly int64_t steps
    cdef readonly int64_t stuck

    @cython.locals(height=int64_t, done=int64_t, block=int64_t, top=int64_t)
    cpdef int64_t first_fit(self, int64_t most) except? -1 nogil
    @cython.locals(placed='int64_t*', first=int64_t, last=int64_t, mask=int64_t, size=int64_t, base=int64_t, at=int64_t, end=int64_t)
    cdef int64_t _into_gap(self, int64_t block, int64_t done) except? -1 nogil
    @cython.locals(left='int64_t*', height=int64_t, count=int64_t, at=int64_t, block=int64_t, top=int64_t)
    cpdef int64_t skyline(self, int64_t most) except? -1 nogil
    @cython.locals(left='int64_t*', best=int64_t, at=int64_t, gain=int64_t)
    cdef int64_t _lowest(self, int64_t count) except? -1 nogil
    @cython.locals(left='int64_t*', at=int64_t, other=int64_t, mask=int64_t)
    cdef int64_t _raise(self, int64_t block, int64_t top, int64_t count) except? -1 nogil
