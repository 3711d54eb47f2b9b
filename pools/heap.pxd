cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


@cython.final
cdef class Heap:
    cdef readonly AddressSpace space
    cdef readonly int64_t pool

    @cython.locals(w='int64_t*', m=int64_t, n=int64_t)
    cdef int64_t insert(self, int64_t root, int64_t slab) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t, n=int64_t, b=int64_t, top=int64_t, below=int64_t, following=int64_t, back=int64_t)
    cdef int64_t remove(self, int64_t root, int64_t slab) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t _member(self, int64_t slab, int64_t at, int64_t field, int64_t back) except? -1 nogil
    @cython.locals(w='int64_t*', b=int64_t)
    cdef int64_t _above(self, int64_t slab, int64_t back) except? -1 nogil
    @cython.locals(w='int64_t*', a=int64_t, b=int64_t, child=int64_t)
    cdef int64_t _merge(self, int64_t one, int64_t other) except? -1 nogil
    @cython.locals(w='int64_t*', pairs=int64_t, one=int64_t, other=int64_t, root=int64_t)
    cdef int64_t _merge_all(self, int64_t first, int64_t parent) except? -1 nogil
    @cython.locals(w='int64_t*', back=int64_t, field=int64_t, m=int64_t)
    cdef int64_t _expect_siblings(self, int64_t first, int64_t parent) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t, following=int64_t)
    cdef int64_t _alone(self, int64_t slab) except? -1 nogil
    @cython.locals(slab=int64_t, m=int64_t)
    cdef int64_t first(self, int64_t root) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t, child=int64_t, following=int64_t)
    cdef int64_t after(self, int64_t slab) except? -1 nogil
    @cython.locals(w='int64_t*', b=int64_t, back=int64_t)
    cdef int64_t _parent(self, int64_t slab) except? -1 nogil
    cdef int64_t _base(self, int64_t slab) except? -1 nogil
