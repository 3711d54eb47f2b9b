# cython: language_level=3
"""The yardstick: libc's malloc and free, as a pool that the same loop drives."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from pools.grains cimport GrainSource
from pools.pool cimport Pool


cdef class NoGrains(GrainSource):
    """A source of grains for a pool that needs none."""

    cdef int64_t poll(self) except? -1 nogil:
        return 0

    cdef int64_t fill(self, int64_t size) except? -1 nogil:
        return 0

    cdef int64_t committed(self) except? -1 nogil:
        return 0


cdef class Libc(Pool):
    """malloc and free, without a look at what they do with their memory."""

    def __init__(self, space):
        self.bind(space, 0, NoGrains(space, 4096))

    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil:
        return <int64_t>malloc(size)

    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil:
        free(<void*>address)
        return 0

    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil:
        return 1

    cdef int64_t total(self) except? -1 nogil:
        return 0

    cdef int64_t free_bytes(self) except? -1 nogil:
        return 0

    cdef int64_t largest(self) except? -1 nogil:
        return 0
