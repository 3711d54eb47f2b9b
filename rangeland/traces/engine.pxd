cimport cython
from libc.stdint cimport int8_t, int32_t, int64_t
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from rangeland.traces cimport fields as f
from rangeland.traces.crew cimport Crew
from vm cimport events as ev
from vm cimport results as r


@cython.final
cdef class Engine:
    cdef readonly Pool pool
    cdef readonly GrainSource grains
    cdef int64_t start
    cdef const int8_t[::1] op
    cdef const int64_t[::1] id
    cdef const int64_t[::1] size
    cdef const int64_t[::1] alignment
    cdef const int32_t[::1] thread
    cdef bint has_alignment
    cdef bint is_aligned
    cdef bint is_told
    cdef int64_t align
    cdef int64_t[::1] address
    cdef int64_t[::1] held
    cdef int64_t[::1] pad
    cdef Crew crew
    cdef int32_t[::1] owner
    cdef int64_t[::1] sampled
    cdef int64_t[::1] top
    cdef int64_t new_pad
    cdef readonly int64_t live
    cdef readonly int64_t peak_live
    cdef readonly int64_t peak_total
    cdef readonly int64_t peak_committed
    cdef readonly int64_t live_sum
    cdef readonly int64_t committed_sum
    cdef readonly int64_t moved
    cdef readonly int64_t in_place
    cdef readonly int64_t failures
    cdef readonly int64_t failed_event
    cdef readonly int64_t failed_size
    cdef readonly int64_t failed_align
    cdef readonly int64_t failed_code
    cdef readonly int64_t witness_event
    cdef readonly int64_t witness_size
    cdef readonly int64_t witness_align

    cpdef load(self, int64_t start, op, id, size, alignment=*, thread=*)
    cpdef int64_t run(self, int64_t first, int64_t limit) except? -2
    @cython.locals(event=int64_t, block=int64_t, res=int64_t)
    cdef int64_t _run_in_turn(self, int64_t first, int64_t limit) except? -2
    @cython.locals(event=int64_t, res=int64_t, committed=int64_t)
    cdef int64_t _run(self, int64_t first, int64_t limit) except? -2 nogil
    cdef int64_t _do(self, int64_t row) except? -1 nogil
    @cython.locals(block=int64_t, address=int64_t)
    cdef int64_t _alloc(self, int64_t row) except? -1 nogil
    @cython.locals(block=int64_t, res=int64_t)
    cdef int64_t _free(self, int64_t row) except? -1 nogil
    @cython.locals(block=int64_t, held=int64_t, size=int64_t, pad=int64_t, old=int64_t, address=int64_t, res=int64_t)
    cdef int64_t _realloc(self, int64_t row) except? -1 nogil
    @cython.locals(size=int64_t, align=int64_t, address=int64_t)
    cdef int64_t _place(self, int64_t row) except? -1 nogil
    cdef int64_t _hold(self, int64_t block, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(size=int64_t)
    cdef int64_t _release(self, int64_t block) except? -1 nogil
    @cython.locals(res=int64_t)
    cdef int64_t _release_told(self, int64_t address, int64_t size) except? -1 nogil
    cdef int64_t _asked(self, int64_t size) except? -1 nogil
    @cython.locals(size=int64_t)
    cdef int64_t _failed(self, int64_t row, int64_t code) except? -1 nogil
    cdef int64_t _note_peaks(self, int64_t live) except? -1 nogil
    @cython.locals(total=int64_t)
    cdef int64_t _note_total(self) except? -1 nogil
    cdef int64_t _note_committed(self, int64_t committed, int64_t live) except? -1 nogil
    cpdef list sample(self, int64_t event)
    cdef int64_t _picture(self, int64_t[::1] s, int64_t live) except? -1 nogil
    cpdef list at_top(self)
    cdef _begin(self)
    cdef _restart(self)
