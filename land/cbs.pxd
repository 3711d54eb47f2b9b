cimport cython
from libc.stdint cimport int64_t, uint64_t
from land cimport fields as f
from land cimport zones as z
from land.fasttree cimport FastTree
from land.land cimport Land
from land.nodes cimport NodeSource
from land.tree cimport Tree
from land.zonedtree cimport ZonedTree
from vm cimport fields as vf
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class CBS(Land):
    cdef readonly NodeSource nodes
    cdef readonly Tree tree
    cdef int64_t astray
    cdef int64_t largest

    @cython.locals(w='int64_t*', address=int64_t)
    cdef int64_t insert_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', before=int64_t, after=int64_t, low=int64_t, high=int64_t, n=int64_t, m=int64_t)
    cdef int64_t _meet(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', base=int64_t, limit=int64_t, rest=uint64_t, most=uint64_t)
    cdef inline int64_t _expect_range(self, int64_t n) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', field=int64_t)
    cdef int64_t _no_range(self, int64_t n) except? -1 with gil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t)
    cdef int64_t _new_node(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t)
    cdef int64_t delete_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t, address=int64_t)
    cdef int64_t _cut(self, int64_t i, int64_t base, int64_t limit) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', d=int64_t, size=int64_t, count=int64_t)
    cdef int64_t _resize(self, int64_t change, int64_t number) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t)
    cdef int64_t next_after(self, int64_t address) except? -1 nogil
    cdef int64_t adopt_range(self, int64_t base, int64_t limit) except? -1 nogil


cdef class CBSFast(CBS):
    cdef FastTree fast

    cdef int64_t first_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t last_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t next_range(self, int64_t address, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
    @cython.locals(largest=int64_t)
    cdef int64_t largest_range(self, int64_t size, int64_t mode) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t, base=int64_t, limit=int64_t)
    cdef int64_t _take(self, int64_t i, int64_t size, int64_t mode) except? -1 nogil


cdef class CBSZoned(CBSFast):
    cdef ZonedTree zoned

    @cython.locals(w='int64_t*', n=int64_t, i=int64_t, found=int64_t)
    cdef int64_t zoned_range(self, int64_t size, int64_t zones, int64_t high) except? -1 nogil
