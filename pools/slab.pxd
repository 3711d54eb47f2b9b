cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools cimport orders
from pools.grains cimport GrainSource
from pools.heap cimport Heap
from pools.regions cimport RegionPool
from vm cimport bits, mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class Slab(RegionPool):
    cdef readonly Heap heap

    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.final
    @cython.locals(least=int64_t, k=int64_t, four=int64_t)
    cdef int64_t _class(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(least=int64_t)
    cdef int64_t _unit(self, int64_t number) except? -1 nogil
    @cython.locals(number=int64_t, n=int64_t, m=int64_t, w='int64_t*', slab=int64_t, i=int64_t, last=int64_t)
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t _slab_at(self, int64_t slab, int64_t number) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', unit=int64_t, units=int64_t, odd=int64_t)
    cdef int64_t _oddity(self, int64_t m) except? -1 nogil
    @cython.locals(m=int64_t)
    cdef int64_t _no_slab(self, int64_t slab, int64_t number) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', number=int64_t, size=int64_t)
    cdef int64_t _expect_units(self, int64_t slab, int64_t m) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', free=int64_t, i=int64_t, copy=int64_t)
    cdef int64_t _take(self, int64_t slab, int64_t unit) except? -1 nogil
    @cython.final
    cdef int64_t _words(self, int64_t m) except? -1 nogil
    cdef int64_t _no_copy(self, int64_t slab, int64_t unit) except? -1 with gil
    cdef int64_t _root(self, int64_t number) except? -1 nogil
    @cython.locals(unit=int64_t, size=int64_t, units=int64_t, slab=int64_t, w='int64_t*', m=int64_t, i=int64_t, copy=int64_t, last=int64_t)
    cdef int64_t _new_slab(self, int64_t number, int64_t align) except? -1 nogil
    @cython.locals(region=int64_t, m=int64_t, w='int64_t*')
    cdef int64_t _alloc_large(self, int64_t size, int64_t align) except? -1 nogil
    cdef int64_t _expect_large(self) except? -1 nogil
    @cython.locals(number=int64_t, unit=int64_t, n=int64_t, m=int64_t, w='int64_t*', least=int64_t, best=int64_t, found=int64_t, slab=int64_t, i=int64_t)
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(w='int64_t*', units=int64_t, i=int64_t)
    cdef int64_t _aligned_unit(self, int64_t m, int64_t align) except? -1 nogil
    @cython.locals(slab=int64_t, n=int64_t, m=int64_t, w='int64_t*', offset=int64_t, unit=int64_t, i=int64_t, room=int64_t, at=int64_t, copy=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t unhook(self, int64_t region) except? -1 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t _verify_own(self, int64_t region, int64_t m) except? -1 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t _own_bytes(self, int64_t m) except? -1 nogil
    cdef int64_t _verify_pool(self) except? -1 nogil
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', number=int64_t)
    cdef int64_t largest(self) except? -1 nogil
    @cython.locals(found=int64_t, number=int64_t, slab=int64_t)
    cdef int64_t whole_free(self) except? -1 nogil
    @cython.locals(w='int64_t*', grain=int64_t, unit=int64_t, units=int64_t, found=int64_t, i=int64_t, j=int64_t)
    cdef int64_t _whole_in(self, int64_t m) except? -1 nogil
    @cython.locals(unit=int64_t, slab=int64_t, m=int64_t, w='int64_t*', offset=int64_t, i=int64_t)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
    cdef int64_t _refuse_block(self, int64_t address, int64_t size, int64_t m) except? -1 with gil
