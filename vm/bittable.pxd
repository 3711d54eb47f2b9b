cimport cython
from libc.stdint cimport int64_t
from vm cimport bits, mmu
from vm.space cimport AddressSpace


@cython.final
cdef class BitTable:
    cdef AddressSpace space
    cdef readonly int64_t address
    cdef readonly int64_t length

    @cython.locals(first=int64_t, last=int64_t)
    cdef int64_t _words(self, int64_t lo, int64_t hi) except? -1 nogil
    cdef int64_t _beyond(self, int64_t lo, int64_t hi) except? -1 with gil
    cpdef int64_t get(self, int64_t i) except? -1 nogil
    cpdef int64_t set_range(self, int64_t lo, int64_t hi) except? -1 nogil
    cpdef int64_t reset_range(self, int64_t lo, int64_t hi) except? -1 nogil
    cpdef int64_t next_set(self, int64_t lo, int64_t hi) except? -1 nogil
    cpdef int64_t next_reset(self, int64_t lo, int64_t hi) except? -1 nogil
