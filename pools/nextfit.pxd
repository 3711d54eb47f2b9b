cimport cython
from libc.stdint cimport int64_t
from land cimport fields as lf
from pools cimport fields as p
from pools.fit cimport Fit
from vm cimport mmu


cdef class NextFit(Fit):
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t find(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, address=int64_t)
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
