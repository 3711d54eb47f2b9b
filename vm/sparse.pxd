cimport cython
from libc.stdint cimport int64_t
from vm cimport fields as f
from vm cimport results as r
from vm cimport mmu
from vm.bittable cimport BitTable
from vm.descriptor cimport VM
from vm.space cimport AddressSpace


@cython.final
cdef class SparseArray:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly int64_t base
    cdef readonly int64_t element
    cdef readonly int64_t length
    cdef readonly BitTable mapped
    cdef readonly BitTable pages
    cdef readonly VM vm

    @cython.locals(first=int64_t, last=int64_t, res=int64_t)
    cpdef int64_t map(self, int64_t lo, int64_t hi) except? -1 nogil
    @cython.locals(first=int64_t, last=int64_t)
    cpdef int64_t unmap(self, int64_t lo, int64_t hi) except? -1 nogil
    @cython.locals(end=int64_t, count=int64_t, i=int64_t, j=int64_t)
    cpdef int64_t mapped_bytes(self) except? -1 nogil
    cdef int64_t _page_of(self, int64_t i) except? -1 nogil
    cdef int64_t _last_page(self, int64_t hi) except? -1 nogil
    cdef int64_t _page_base(self, int64_t page) except? -1 nogil
    @cython.locals(lo=int64_t, hi=int64_t)
    cdef bint _in_use(self, int64_t page) except? -1 nogil


@cython.locals(n=int64_t, w='int64_t*', page_count=int64_t)
cpdef SparseArray init(AddressSpace space, int64_t address, int64_t base, int64_t element, int64_t length, int64_t mapped, int64_t pages, int64_t vm)
