cimport cython
from libc.stdint cimport int64_t
from land.nodes cimport NodeSource
from pools cimport fields as p
from pools.grains cimport GrainSource
from vm cimport events as ev
from vm cimport lock, mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class Pool(NodeSource):
    cdef readonly int64_t address
    cdef readonly int64_t sig
    cdef readonly int64_t birth
    cdef readonly GrainSource grains
    cdef public object arena
    cdef public object ledger

    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    cdef int64_t largest(self) except? -1 nogil
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    cdef int64_t slack(self) except? -1 nogil
    cdef int64_t whole_free(self) except? -1 nogil
    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    cdef bint is_partly_free(self, int64_t address, int64_t size) except? -1 nogil
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(n=int64_t, align=int64_t)
    cdef int64_t alignment(self) except? -1 nogil
    cdef int64_t committed(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cpdef init_pool(self, int64_t arena_address, int64_t align)
    @cython.locals(n=int64_t, w='int64_t*')
    cpdef told_init(self)
    @cython.final
    cdef int64_t told_alloc(self, int64_t address, int64_t size) except? -1 nogil
    @cython.final
    cdef int64_t told_free(self, int64_t address, int64_t size) except? -1 nogil
    @cython.final
    cdef int64_t told_resize(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cpdef finish_pool(self)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
    cdef int64_t _expect_alive(self) except? -1
    @cython.locals(n=int64_t, w='int64_t*')
    cdef bint _lives(self) except? -1
    @cython.locals(n=int64_t)
    cpdef attach(self)
    cdef int64_t _expect_size(self, int64_t size) except? -1
    cdef bint _mapped(self) except? -1
    cdef int64_t _word(self, int64_t field) except? -1 nogil
