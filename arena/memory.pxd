cimport cython
from libc.stdint cimport int64_t
from arena cimport fields as a
from vm cimport fields as f
from vm cimport mmu
from vm.space cimport AddressSpace


cdef class Memory:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly int64_t birth

    cpdef bind(self, AddressSpace space, int64_t address, int64_t serial)
    @cython.locals(n=int64_t, w='int64_t*', page=int64_t)
    cdef bint _lives(self) except? -1
    cpdef _expect_alive(self)
    cdef int64_t _word_at(self, int64_t address) except? -1
    cdef int64_t _write(self, int64_t n, int64_t value) except? -1
    @cython.locals(start=int64_t, limit=int64_t)
    cdef _bytes_at(self, int64_t address, int64_t size)
    @cython.locals(start=int64_t, page=int64_t)
    cdef int64_t _expect_mapped(self, int64_t address, int64_t size) except? -1
