cimport cython
from libc.stdint cimport int32_t, int64_t
from pools.pool cimport Pool
from rangeland.traces cimport fields as f
from vm cimport results as r


cdef class Crew(Pool):
    cdef object make
    cdef readonly list pools
    cdef int32_t[::1] number_of
    cdef int64_t thread
    cdef readonly int64_t threads
    cdef bint is_first_taken
    cdef int64_t asking
    cdef int64_t lies
    cdef readonly int64_t got
    cdef Pool asked
    cdef Pool holding
    cdef int64_t refusal
    cdef int64_t room
    cdef int64_t[::1] total_of
    cdef int64_t[::1] free_of
    cdef int64_t[::1] slack_of
    cdef int64_t[::1] whole_of
    cdef int64_t[::1] changed
    cdef int64_t[::1] is_changed
    cdef int64_t changes
    cdef int64_t total_sum
    cdef int64_t free_sum
    cdef int64_t slack_sum
    cdef int64_t whole_sum

    @cython.locals(number=int64_t)
    cdef int64_t turn(self, int64_t thread, int64_t lies) except? -1
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(res=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(res=int64_t)
    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    cdef int64_t slack(self) except? -1 nogil
    cdef int64_t whole_free(self) except? -1 nogil
    @cython.locals(pool=Pool, number=int64_t, most=int64_t)
    cdef int64_t largest(self) except? -1 with gil
    cdef bint _lives(self) except? -1
    cdef int64_t _open(self) except? -1 with gil
    cdef _add(self, Pool pool)
    cdef _make_room(self)
    cdef int64_t _given(self, int64_t address) except? -1 nogil
    cdef int64_t _note(self, int64_t number, int64_t total) except? -1 nogil
    @cython.locals(pool=Pool, at=int64_t, number=int64_t)
    cdef int64_t _settle(self) except? -1 with gil
