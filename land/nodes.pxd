cimport cython
from libc.stdint cimport int64_t
from vm cimport fields as vf
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class NodeSource:
    cdef readonly AddressSpace space

    cdef int64_t alloc_node(self) except? -1 nogil
    cdef int64_t free_node(self, int64_t address) except? -1 nogil
    cdef int64_t adopt(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.final
    cdef int64_t take_node(self) except? -1 nogil


cdef class StackNodes(NodeSource):
    cdef readonly int64_t size
    cdef readonly int64_t grain
    cdef readonly int64_t free
    cdef readonly int64_t used
    cdef readonly int64_t count
    cdef readonly int64_t lowest
    cdef readonly int64_t highest

    @cython.locals(count=int64_t, n=int64_t, w='int64_t*')
    cdef int64_t _thread(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(address=int64_t, link=int64_t, w='int64_t*')
    cdef int64_t alloc_node(self) except? -1 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t free_node(self, int64_t address) except? -1 nogil
    cdef int64_t adopt(self, int64_t base, int64_t limit) except? -1 nogil


cdef class CappedNodes(NodeSource):
    cdef readonly NodeSource inner
    cdef public int64_t limit
    cdef readonly int64_t code
    cdef readonly int64_t used

    @cython.locals(address=int64_t)
    cdef int64_t alloc_node(self) except? -1 nogil
    cdef int64_t free_node(self, int64_t address) except? -1 nogil
    @cython.locals(taken=int64_t)
    cdef int64_t adopt(self, int64_t base, int64_t limit) except? -1 nogil
