cimport cython
from libc.stdint cimport int8_t, int64_t
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from rangeland.invariants cimport fields as d
from rangeland.invariants.shadow cimport Shadow
from vm cimport events as ev
from vm cimport fields as f
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


@cython.final
cdef class Driver:
    cdef readonly Pool pool
    cdef bint is_told
    cdef readonly GrainSource grains
    cdef readonly AddressSpace space
    cdef readonly Shadow shadow
    cdef readonly int64_t align
    cdef readonly int64_t most
    cdef int64_t ring
    cdef const int8_t[::1] kind
    cdef const int64_t[::1] size
    cdef const int64_t[::1] pick
    cdef const int64_t[::1] stamp
    cdef int64_t[::1] address
    cdef int64_t[::1] held
    cdef int64_t[::1] mark
    cdef int64_t[::1] name
    cdef readonly int64_t oldest
    cdef readonly int64_t count
    cdef readonly int64_t made
    cdef readonly int64_t done
    cdef readonly int64_t refused
    cdef readonly int64_t taken
    cdef readonly int64_t verdict
    cdef readonly int64_t culprit
    cdef readonly int64_t spot
    cdef readonly int64_t found
    cdef readonly int64_t expected

    @cython.locals(i=int64_t)
    cpdef int64_t run(self, int64_t first, int64_t limit) except? -2 nogil
    @cython.locals(kind=int64_t, slot=int64_t, last=int64_t, address=int64_t, size=int64_t, stamp=int64_t, name=int64_t)
    cdef int64_t _do(self, int64_t i) except? -1 nogil
    cdef int64_t _put(self, int64_t slot, int64_t address, int64_t size, int64_t stamp, int64_t name) except? -1 nogil
    @cython.locals(name=int64_t, before=int64_t, address=int64_t)
    cdef int64_t _alloc(self, int64_t size, int64_t stamp) except? -1 nogil
    @cython.locals(page=int64_t, last=int64_t, spot=int64_t)
    cdef int64_t _place(self, int64_t address, int64_t size, int64_t name) except? -1 nogil
    @cython.locals(spot=int64_t, res=int64_t)
    cdef int64_t _free(self, int64_t address, int64_t size, int64_t stamp, int64_t name) except? -1 nogil
    @cython.locals(used=int64_t)
    cdef int64_t _account(self, int64_t name, int64_t address) except? -1 nogil
    cdef int64_t _judged(self, int64_t verdict, int64_t name, int64_t spot, int64_t found, int64_t expected) except? -1 nogil
    cdef int64_t _word(self, int64_t address) except? -1 nogil
    @cython.locals(words=int64_t, i=int64_t, at=int64_t, mask=int64_t, n=int64_t)
    cdef int64_t _write(self, int64_t address, int64_t size, int64_t stamp) except? -1 nogil
    @cython.locals(words=int64_t, i=int64_t, at=int64_t, mask=int64_t)
    cdef int64_t _changed(self, int64_t address, int64_t size, int64_t stamp) except? -2 nogil
    @cython.locals(i=int64_t, slot=int64_t, address=int64_t, stamp=int64_t, spot=int64_t, name=int64_t)
    cpdef int64_t verify(self) except? -1 nogil
