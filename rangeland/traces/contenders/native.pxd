from libc.stddef cimport size_t
from libc.stdint cimport int64_t

ctypedef void* (*malloc_type)(size_t) noexcept nogil
ctypedef void (*free_type)(void*) noexcept nogil
ctypedef void* (*realloc_type)(void*, size_t) noexcept nogil
ctypedef int (*memalign_type)(void**, size_t, size_t) noexcept nogil


cdef inline int64_t get(int64_t function, int64_t size) noexcept nogil:
    return <int64_t>(<malloc_type>function)(<size_t>size)


cdef inline int64_t get_aligned(int64_t function, int64_t alignment, int64_t size) noexcept nogil:
    cdef void* found = NULL
    if (<memalign_type>function)(&found, <size_t>alignment, <size_t>size) != 0:
        return 0
    return <int64_t>found


cdef inline int64_t resize(int64_t function, int64_t address, int64_t size) noexcept nogil:
    return <int64_t>(<realloc_type>function)(<void*>address, <size_t>size)


cdef inline int64_t drop(int64_t function, int64_t address) noexcept nogil:
    (<free_type>function)(<void*>address)
    return 0


cdef inline int64_t touch(int64_t address) noexcept nogil:
    (<volatile char*>address)[0] = 1
    return 0
