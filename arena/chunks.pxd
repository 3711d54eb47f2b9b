cimport cython
from libc.stdint cimport int64_t
from arena cimport fields as a
from arena.chunk cimport Chunk
from land cimport fields as lf
from land.tree cimport Tree
from vm cimport events as ev
from vm cimport fields as f
from vm cimport mmu
from vm cimport results as r
from vm.descriptor cimport VM
from vm.space cimport AddressSpace


@cython.final
cdef class Chunks:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly Tree tree
    cdef readonly int64_t grain
    cdef readonly Chunk last
    cdef int64_t _low
    cdef int64_t _high
    cdef dict _handles

    cpdef int64_t descriptor(self) except? -1
    cpdef int64_t get(self, int64_t field) except? -1
    cpdef set(self, int64_t field, int64_t value)
    cpdef add(self, int64_t field, int64_t value)
    @cython.locals(w='int64_t*', n=int64_t, committed=int64_t, lost=int64_t, spare=int64_t)
    cpdef int64_t verify(self) except? -1
    @cython.locals(w='int64_t*', extend_by=int64_t, fill=int64_t, i=int64_t)
    cdef int64_t _verify_counters(self, int64_t n) except? -1
    cpdef Chunk around(self, int64_t base, int64_t limit)
    @cython.locals(committed=int64_t, res=int64_t)
    cpdef int64_t map(self, VM vm, int64_t base, int64_t limit) except? -1
    cpdef unmap(self, VM vm, int64_t base, int64_t limit)
    @cython.locals(before=int64_t, res=int64_t)
    cpdef int64_t map_descriptors(self, Chunk chunk, int64_t lo, int64_t hi) except? -1
    @cython.locals(before=int64_t)
    cpdef unmap_descriptors(self, Chunk chunk, int64_t lo, int64_t hi)
    @cython.locals(lo=int64_t, hi=int64_t, i=int64_t)
    cpdef unmap_pages(self, Chunk chunk, int64_t base, int64_t limit)
    @cython.locals(chunk=Chunk)
    cpdef Chunk at(self, int64_t address)
    cpdef Chunk of(self, int64_t address)
    cdef int64_t _holds(self, int64_t address) except? -1 nogil
    @cython.locals(found=int64_t, chunk=Chunk)
    cdef int64_t _turn_to(self, int64_t address) except? -1 with gil
    @cython.locals(i=int64_t)
    cdef int64_t entry_of(self, int64_t address) except? -1 nogil
    cdef int64_t damaged_entry(self, int64_t entry, int64_t address) except? -1 with gil
    @cython.locals(address=int64_t, chunk=Chunk)
    cpdef list ascending(self)
    cpdef destroy(self, Chunk chunk)
    cpdef _damaged(self, int64_t field)


cpdef expect_whole(int64_t res, str message)
