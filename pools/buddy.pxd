cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools cimport orders
from pools.grains cimport GrainSource
from pools.regions cimport RegionPool
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class Buddy(RegionPool):
    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.final
    cdef int64_t _order(self, int64_t size) except? -1 nogil
    @cython.locals(order=int64_t)
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', k=int64_t, address=int64_t, region=int64_t, node=int64_t, one=int64_t)
    cdef int64_t _take(self, int64_t order, int64_t least) except? -1 nogil
    @cython.locals(least=int64_t, k=int64_t, region=int64_t)
    cdef int64_t _extend(self, int64_t order) except? -1 nogil
    @cython.locals(one=int64_t, size=int64_t, region=int64_t, n=int64_t, m=int64_t, w='int64_t*')
    cdef int64_t _new_region(self, int64_t k) except? -1 nogil
    @cython.locals(one=int64_t)
    cdef int64_t _tree_bytes(self, int64_t k) except? -1 nogil
    @cython.locals(k=int64_t, region=int64_t, n=int64_t, m=int64_t, w='int64_t*', node=int64_t, one=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(k=int64_t, order=int64_t, n=int64_t, m=int64_t, w='int64_t*', region=int64_t, node=int64_t, above=int64_t, one=int64_t, _=int64_t, grows=bint)
    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t, order=int64_t, base=int64_t, one=int64_t, wrong=int64_t)
    cdef int64_t _tree(self, int64_t region, int64_t address) except? -1 nogil
    cdef int64_t _no_tree(self, int64_t region) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', one=int64_t, offset=int64_t)
    cdef int64_t _node(self, int64_t m, int64_t address, int64_t k) except? -1 nogil
    @cython.final
    @cython.locals(node=int64_t)
    cdef int64_t _live_node(self, int64_t m, int64_t address, int64_t k) except? -1 nogil
    @cython.final
    @cython.locals(node=int64_t)
    cdef int64_t _free_node(self, int64_t m, int64_t address, int64_t k) except? -1 nogil
    @cython.final
    cdef bint _is_free(self, int64_t m, int64_t node) except? -1 nogil
    @cython.final
    @cython.locals(one=int64_t)
    cdef int64_t _bit(self, int64_t node) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', b=int64_t, following=int64_t)
    cdef int64_t _link(self, int64_t n, int64_t m, int64_t node, int64_t k, int64_t address) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', b=int64_t, following=int64_t, previous=int64_t, q=int64_t)
    cdef int64_t _unlink(self, int64_t n, int64_t m, int64_t node, int64_t k, int64_t address) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', one=int64_t, b=int64_t)
    cdef int64_t _neighbour(self, int64_t block, int64_t k, int64_t address, int64_t field, int64_t back, int64_t expected) except? -1 nogil
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*')
    cdef int64_t unhook(self, int64_t region) except? -1 nogil
    @cython.locals(w='int64_t*', order=int64_t, size=int64_t, one=int64_t)
    cdef int64_t _verify_own(self, int64_t region, int64_t m) except? -1 nogil
    cdef int64_t _own_bytes(self, int64_t m) except? -1 nogil
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', k=int64_t)
    cdef int64_t largest(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', one=int64_t, found=int64_t, k=int64_t, address=int64_t, at=int64_t, field=int64_t, previous=int64_t, b=int64_t)
    cdef int64_t whole_free(self) except? -1 nogil
    @cython.locals(k=int64_t, m=int64_t)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
    cdef int64_t _refuse_block(self, int64_t address, int64_t size, int64_t m) except? -1 with gil
