from libc.stdint cimport int64_t


cdef inline int64_t* words(int64_t[::1] view) noexcept:
    return &view[0]


cdef inline double* floats(double[::1] view) noexcept:
    return &view[0]


cdef inline int64_t whole(double x) noexcept nogil:
    return <int64_t>x
