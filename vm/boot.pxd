cimport cython
from libc.stdint cimport int64_t
from vm cimport fields as f
from vm cimport results as r
from vm cimport mmu
from vm.space cimport AddressSpace


@cython.final
cdef class BootBlock:
    cdef readonly AddressSpace space
    cdef readonly int64_t address

    @cython.locals(n=int64_t, w='int64_t*')
    cpdef init(self, int64_t base, int64_t limit)
    @cython.locals(n=int64_t, w='int64_t*', base=int64_t)
    cpdef int64_t alloc(self, int64_t size, int64_t align, str what=*) except? -1
