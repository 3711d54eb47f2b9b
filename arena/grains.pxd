cimport cython
from libc.stdint cimport int64_t
from arena cimport fields as a
from arena.chunk cimport Chunk
from arena.chunks cimport Chunks
from arena.freeland cimport FreeLand
from arena.pages cimport Pages
from arena.spare cimport SpareLand
from pools.grains cimport GrainSource
from pools.mvff cimport MVFF
from vm cimport events as ev
from vm cimport mmu
from vm cimport results as r
from vm.telemetry cimport Telemetry


cdef class Grains(GrainSource):
    cdef readonly int64_t address
    cdef readonly Chunks chunks
    cdef readonly FreeLand free_land
    cdef readonly SpareLand spare_land
    cdef readonly Pages pages
    cdef readonly MVFF control

    @cython.locals(telemetry=Telemetry, chunk=Chunk, base=int64_t, entry=int64_t)
    cdef int64_t alloc_grains(self, int64_t size, bint high, int64_t pool) except? -1 with gil
    @cython.locals(chunks=Chunks, more=int64_t, zones=int64_t, more_zones=int64_t, base=int64_t)
    cdef int64_t _place(self, int64_t size, bint high, int64_t pool) except? -1
    @cython.locals(res=int64_t)
    cdef int64_t _grow_or_purge(self, int64_t size) except? -1
    # As an object: a cpdef method that is not called, but handed on, is
    # converted to a function of another type, which newer compilers refuse.
    @cython.locals(telemetry=Telemetry, chunks=Chunks, res=int64_t, least=int64_t, chunk_size=int64_t, free_land=object)
    cpdef int64_t grow(self, int64_t size) except? -1
    @cython.locals(telemetry=Telemetry, rest=int64_t)
    cdef int64_t free_grains(self, int64_t base, int64_t size, int64_t pool) except? -1 with gil
    @cython.locals(chunk=Chunk, i=int64_t)
    cdef int64_t adopt_grain(self, int64_t base, int64_t pool) except? -1 with gil
    @cython.locals(entry=int64_t, w='int64_t*', e=int64_t, base=int64_t)
    cdef int64_t extent_of(self, int64_t address, int64_t pool) except? -1 nogil
    @cython.locals(chunk=Chunk, i=int64_t)
    cdef int64_t set_segment(self, int64_t base, int64_t size, int64_t segment) except? -1 with gil
    @cython.locals(entry=int64_t, w='int64_t*', e=int64_t)
    cdef int64_t segment_of(self, int64_t address, int64_t pool) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t poll(self) except? -1 nogil
    cdef int64_t _verify(self) except? -1 with gil
    @cython.locals(w='int64_t*', n=int64_t)
    cdef int64_t fill(self, int64_t size) except? -1 nogil
    cdef int64_t committed(self) except? -1 nogil
    cdef int64_t spare(self) except? -1 nogil
    @cython.locals(size=int64_t, chunk=Chunk)
    cdef int64_t page_tables(self) except? -1 with gil
    @cython.locals(telemetry=Telemetry, base=int64_t, res=int64_t)
    cdef int64_t alloc_control(self, int64_t size) except? -1 with gil
    @cython.locals(telemetry=Telemetry)
    cdef int64_t free_control(self, int64_t base, int64_t size) except? -1 with gil
    @cython.locals(base=int64_t)
    cpdef control_alloc(self, int64_t size)
    cpdef control_free(self, int64_t base, int64_t size)
    @cython.locals(serial=int64_t)
    cdef int64_t next_serial(self) except? -1 with gil
