cimport cython
from libc.stdint cimport int64_t
from land cimport fields as f
from vm cimport fields as vf
from vm cimport events as ev
from vm cimport lock, mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cpdef write(AddressSpace space, int64_t address, int64_t field, int64_t word)


cdef class Land:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly int64_t align
    cdef readonly int64_t found_base
    cdef readonly int64_t found_limit
    cdef readonly int64_t old_base
    cdef readonly int64_t old_limit
    cdef readonly int64_t stolen

    cdef int64_t insert_range(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t delete_range(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t first_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t last_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t largest_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t best_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t next_range(self, int64_t address, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t zoned_range(self, int64_t size, int64_t zones, int64_t high) except? -1 nogil
    cdef int64_t next_after(self, int64_t address) except? -1 nogil
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
    cdef int64_t adopt_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t)
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t damage(self, int64_t field, str expected) except? -1 with gil
    @cython.locals(w='int64_t*', n=int64_t, field=int64_t)
    cdef int64_t miscounted(self, int64_t change, int64_t number) except? -1 with gil
    cdef int64_t _lacks(self, str what) except? -1 with gil
    @cython.locals(res=int64_t, taken=int64_t)
    cdef int64_t insert_steal_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(res=int64_t, taken=int64_t, first=int64_t)
    cdef int64_t delete_steal_range(self, int64_t base, int64_t limit) except? -1 nogil
