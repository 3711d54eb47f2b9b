cimport cython
from libc.stdint cimport int64_t
from vm cimport bits


@cython.locals(first=int64_t, last=int64_t)
cpdef int64_t zone_set(int64_t base, int64_t limit, int64_t shift) except? -2 nogil
cpdef int64_t is_single(int64_t zones) except? -1 nogil
cpdef int64_t is_never(int64_t size, int64_t zones, int64_t shift) except? -1 nogil
@cython.locals(end=int64_t, start=int64_t, at=int64_t)
cpdef int64_t first_run(int64_t base, int64_t limit, int64_t size, int64_t zones, int64_t shift) except? -2 nogil
@cython.locals(begin=int64_t, end=int64_t, at=int64_t)
cpdef int64_t last_run(int64_t base, int64_t limit, int64_t size, int64_t zones, int64_t shift) except? -2 nogil
