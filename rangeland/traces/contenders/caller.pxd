cimport cython
from libc.stdint cimport int8_t, int64_t
from rangeland.traces cimport fields as f
from rangeland.traces.contenders cimport native
from vm cimport fields as v
from vm cimport raw


@cython.final
cdef class Caller:
    cdef readonly int64_t malloc
    cdef readonly int64_t free
    cdef readonly int64_t realloc
    cdef readonly int64_t memalign
    cdef int8_t[::1] op
    cdef int64_t[::1] id
    cdef int64_t[::1] size
    cdef int64_t[::1] alignment
    cdef int64_t[::1] row
    cdef int64_t[::1] address
    cdef int64_t[::1] held
    cdef int64_t* words_id
    cdef int64_t* words_size
    cdef int64_t* words_alignment
    cdef int64_t* words_row
    cdef int64_t* words_address
    cdef int64_t* words_held
    cdef public int64_t done
    cdef readonly int64_t failures
    cdef readonly int64_t failed_row
    cdef readonly int64_t failed_size
    cdef readonly int64_t live
    cdef public int64_t peak_live

    @cython.locals(row=int64_t, block=int64_t, old=int64_t)
    cpdef int64_t call(self, int64_t first, int64_t limit) except? -1 nogil
    @cython.locals(row=int64_t, block=int64_t, old=int64_t)
    cpdef int64_t touch(self, int64_t first, int64_t limit) except? -1 nogil
    @cython.locals(size=int64_t)
    cdef int64_t _asked(self, int64_t row) except? -1 nogil
    @cython.locals(size=int64_t, new=int64_t)
    cdef int64_t _get(self, int64_t row, int64_t block, int64_t old) except? -1 nogil
    @cython.locals(at=int64_t)
    cdef int64_t _write(self, int64_t base, int64_t first, int64_t limit) except? -1 nogil
    cdef int64_t _hold(self, int64_t block, int64_t size) except? -1 nogil
