cimport cython
from libc.stdint cimport int64_t


cpdef int64_t table_size(int64_t length) except? -1 nogil
@cython.locals(word=int64_t)
cdef int64_t mask(int64_t lo, int64_t hi) except? -1 nogil
@cython.locals(i=int64_t, last=int64_t)
cdef int64_t set_range(int64_t* w, int64_t n, int64_t lo, int64_t hi) except? -1 nogil
@cython.locals(i=int64_t, last=int64_t)
cdef int64_t reset_range(int64_t* w, int64_t n, int64_t lo, int64_t hi) except? -1 nogil
@cython.locals(word=int64_t)
cdef int64_t next_bit(int64_t* w, int64_t n, int64_t lo, int64_t hi, int64_t flip) except? -1 nogil
