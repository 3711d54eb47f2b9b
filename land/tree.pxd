cimport cython
from libc.stdint cimport int64_t, uint64_t
from land cimport fields as f
from vm cimport fields as vf
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class Tree:
    cdef readonly AddressSpace space
    cdef readonly int64_t root_at
    cdef readonly int64_t node_size
    cdef int64_t path[96]
    cdef int64_t turn[2]
    cdef readonly int64_t depth
    cdef int64_t before
    cdef int64_t after

    cdef int64_t refresh(self, int64_t n) except? -1 nogil
    cdef int64_t is_stale(self, int64_t n) except? -1 nogil
    cdef int64_t grown(self, int64_t i) except? -1 nogil
    cdef int64_t shrunk(self, int64_t i) except? -1 nogil
    @cython.final
    @cython.locals(m=uint64_t)
    cdef int64_t follow(self, int64_t slot) except? -1 nogil
    @cython.final
    @cython.locals(link=int64_t)
    cdef int64_t beyond(self, int64_t slot) except? -1 nogil
    @cython.final
    cdef int64_t damage(self, int64_t n, int64_t field, str expected) except? -1 with gil
    @cython.final
    cdef int64_t too_deep(self) except? -1 with gil
    @cython.final
    cdef int64_t expect_range(self, int64_t n) except? -1 nogil
    @cython.locals(w='int64_t*', path='int64_t*', turn='int64_t*', n=int64_t, d=int64_t, side=int64_t, slot=int64_t, low=int64_t, room=uint64_t, m=uint64_t)
    cdef int64_t seek(self, int64_t base) except? -1 nogil
    @cython.locals(path='int64_t*', n=int64_t)
    cdef int64_t extend(self, int64_t k) except? -1 nogil
    @cython.locals(d=int64_t)
    cdef int64_t link(self, int64_t address) except? -1 nogil
    @cython.locals(d=int64_t)
    cdef int64_t link_above(self, int64_t k, int64_t address) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t, i=int64_t, d=int64_t)
    cdef int64_t _hang(self, int64_t address) except? -1 nogil
    @cython.locals(n=int64_t, j=int64_t)
    cdef int64_t remove(self, int64_t k) except? -1 nogil
    @cython.locals(w='int64_t*', k=int64_t, j=int64_t, gone=int64_t)
    cdef int64_t merge(self, int64_t limit) except? -1 nogil
    @cython.final
    cdef int64_t _address(self, int64_t n) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', slot=int64_t)
    cdef int64_t _aim(self, int64_t i, int64_t address) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t, side=int64_t)
    cdef int64_t _unlink(self, int64_t k) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', path='int64_t*', n=int64_t, m=int64_t, i=int64_t)
    cdef int64_t _supplant(self, int64_t k, int64_t j) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t, side=int64_t)
    cdef int64_t _taller(self, int64_t i) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t, side=int64_t)
    cdef int64_t _shorter(self, int64_t i) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', other=int64_t, n=int64_t, c=int64_t, top=int64_t, even=int64_t)
    cdef int64_t _rotate(self, int64_t i, int64_t side) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t insert_node(self, int64_t address) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t remove_node(self, int64_t address) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, d=int64_t)
    cdef int64_t find(self, int64_t address) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, d=int64_t, found=int64_t)
    cdef int64_t first_ending_after(self, int64_t address) except? -1 nogil
    cdef int64_t is_empty(self) except? -1 nogil
    @cython.locals(n=int64_t)
    cpdef check(self)
    @cython.locals(w='int64_t*', base=int64_t, limit=int64_t, left=int64_t, right=int64_t)
    cdef tuple _check_subtree(self, int64_t n, int64_t level, int64_t least, int64_t most)
    @cython.final
    @cython.locals(w='int64_t*')
    cdef _check_balance(self, int64_t n, int64_t lean)
