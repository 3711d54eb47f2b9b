cimport cython
from libc.stdint cimport int64_t


@cython.locals(k=int64_t)
cpdef int64_t floor_order(int64_t n) except? -1 nogil
cpdef int64_t ceiling_order(int64_t n) except? -1 nogil
@cython.locals(k=int64_t)
cpdef int64_t lowest_bit(int64_t word) except? -1 nogil
@cython.locals(one=int64_t)
cpdef int64_t power(int64_t k) except? -1 nogil
