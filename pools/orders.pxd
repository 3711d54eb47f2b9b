from libc.stdint cimport int64_t, uint64_t


# The instructions that find the highest and the lowest bit of a word; of the
# compilers that we build with, gcc and clang, both know these names.
cdef extern from *:
    int __builtin_clzll(uint64_t word) nogil
    int __builtin_ctzll(uint64_t word) nogil


cdef inline int64_t floor_order(int64_t n) noexcept nogil:
    return 63 - __builtin_clzll(<uint64_t>n)


cdef inline int64_t ceiling_order(int64_t n) noexcept nogil:
    return 64 - __builtin_clzll(<uint64_t>(n - 1)) if n > 1 else 0


cdef inline int64_t power(int64_t k) noexcept nogil:
    return <int64_t>1 << k


cdef inline int64_t lowest_bit(int64_t word) noexcept nogil:
    return __builtin_ctzll(<uint64_t>word)
