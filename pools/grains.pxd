from libc.stdint cimport int64_t
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class GrainSource:
    cdef readonly AddressSpace space
    cdef readonly int64_t grain

    cdef int64_t alloc_grains(self, int64_t size, bint high, int64_t pool) except? -1 nogil
    cdef int64_t free_grains(self, int64_t base, int64_t size, int64_t pool) except? -1 nogil
    cdef int64_t adopt_grain(self, int64_t base, int64_t pool) except? -1 nogil
    cdef int64_t extent_of(self, int64_t address, int64_t pool) except? -1 nogil
    cdef int64_t set_segment(self, int64_t base, int64_t size, int64_t segment) except? -1 nogil
    cdef int64_t segment_of(self, int64_t address, int64_t pool) except? -1 nogil
    cdef int64_t alloc_control(self, int64_t size) except? -1 nogil
    cdef int64_t free_control(self, int64_t base, int64_t size) except? -1 nogil
    cdef int64_t next_serial(self) except? -1 nogil
    cdef int64_t poll(self) except? -1 nogil
    cdef int64_t fill(self, int64_t size) except? -1 nogil
    cdef int64_t committed(self) except? -1 nogil
    cdef int64_t spare(self) except? -1 nogil
    cdef int64_t page_tables(self) except? -1 nogil
