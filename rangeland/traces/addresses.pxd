cimport cython
from libc.stdint cimport int8_t, int64_t, uint32_t, uint64_t
from rangeland.traces cimport fields as f


cdef class Addresses:
    cdef object _keys
    cdef object _blocks
    cdef uint64_t[::1] key
    cdef uint32_t[::1] block
    cdef readonly int64_t count
    cdef int64_t homes

    cpdef clear(self)
    cdef _view(self)
    @cython.locals(at=int64_t)
    cpdef get(self, uint64_t address)
    @cython.locals(at=int64_t, block=uint32_t)
    cpdef pop(self, uint64_t address)
    cpdef blocks(self)
    @cython.locals(row=int64_t, at=int64_t, block=int64_t)
    cpdef int64_t follow(
        self, const int8_t[::1] kind, const int64_t[::1] old, const int64_t[::1] address,
        uint32_t[::1] ids, int64_t first, int64_t limit, int64_t made
    ) except? -1
    @cython.locals(at=int64_t, block=int64_t)
    cdef int64_t _move(self, uint64_t old, uint64_t address) except? -2
    cdef uint64_t scatter(self, uint64_t address) noexcept nogil
    cdef int64_t home(self, uint64_t scattered) noexcept nogil
    @cython.locals(scattered=uint64_t, at=int64_t)
    cdef int64_t find(self, uint64_t address) except? -1
    @cython.locals(end=int64_t)
    cdef insert(self, int64_t at, uint64_t address, int64_t block)
    @cython.locals(above=int64_t)
    cdef int64_t remove(self, int64_t at) except? -1
    cdef _lengthen(self, int64_t length)
    @cython.locals(at=int64_t, more=int64_t, end=int64_t, low=int64_t)
    cdef _grow(self)
    cdef int64_t _shift(self, int64_t at, int64_t to) except? -1
