cimport cython
from libc.stdint cimport int64_t
from vm cimport events as ev
from vm cimport fields as f
from vm cimport results as r
from vm cimport mmu
from vm.space cimport AddressSpace


@cython.final
cdef class VM:
    cdef readonly AddressSpace space
    cdef readonly int64_t address

    @cython.locals(n=int64_t, w='int64_t*', base=int64_t)
    cpdef int64_t init(self, int64_t size, int64_t grain) except? -1
    @cython.locals(n=int64_t, res=int64_t, mapped=int64_t)
    cpdef int64_t map(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t, mapped=int64_t)
    cpdef int64_t unmap(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', mapped=int64_t)
    cdef int64_t _mapped(self) except? -1 nogil
    cdef int64_t damage(self, int64_t field, str expected) except? -1 with gil
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', i=int64_t)
    cpdef VM copy(self, int64_t target)
    @cython.locals(n=int64_t)
    cpdef finish(self)
    cpdef int64_t get(self, int64_t field) except? -1 nogil
