cimport cython
from libc.stdint cimport int64_t
from arena cimport fields as a
from vm cimport fields as f
from vm cimport mmu
from vm.bittable cimport BitTable
from vm.descriptor cimport VM
from vm.space cimport AddressSpace
from vm.sparse cimport SparseArray


@cython.final
cdef class Chunk:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly int64_t base
    cdef readonly int64_t limit
    cdef readonly int64_t serial
    cdef readonly int64_t pages
    cdef readonly int64_t alloc_base
    cdef readonly int64_t grain
    cdef readonly int64_t shift
    cdef readonly int64_t arena
    cdef readonly int64_t page_table
    cdef readonly BitTable allocated
    cdef readonly SparseArray descriptors
    cdef readonly VM vm

    cdef bint _lives(self) except? -1
    @cython.locals(n=int64_t, w='int64_t*')
    cdef bint _is_same(self) except? -1 nogil
    cpdef int64_t index_of(self, int64_t address) except? -1 nogil
    cpdef int64_t address_of(self, int64_t index) except? -1 nogil
    cpdef int64_t entry(self, int64_t index) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cpdef init_page(self, int64_t index)
    @cython.locals(n=int64_t, w='int64_t*', i=int64_t, base=int64_t)
    cpdef alloc_pages(self, int64_t lo, int64_t hi, int64_t pool, int64_t first)
    @cython.locals(i=int64_t)
    cpdef free_pages(self, int64_t lo, int64_t hi)
    @cython.locals(n=int64_t)
    cpdef int64_t owner(self, int64_t index) except? -1 nogil
    @cython.locals(n=int64_t)
    cpdef int64_t allocation_base(self, int64_t index) except? -1 nogil
    @cython.locals(n=int64_t)
    cpdef int64_t segment(self, int64_t index) except? -1 nogil
    @cython.locals(n=int64_t)
    cpdef set_segment(self, int64_t index, int64_t segment)
