from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t


# Through Python's own buffers: a typed memoryview here would make two thirds of a
# megabyte of C in every module that knows a space (design/speed.md#.sol.size).
cdef inline void* start(object view) except NULL:
    cdef Py_buffer buffer
    PyObject_GetBuffer(view, &buffer, PyBUF_WRITABLE)
    PyBuffer_Release(&buffer)
    return buffer.buf


cdef inline int64_t* words(object view) except NULL:
    return <int64_t*>start(view)


cdef inline double* floats(object view) except NULL:
    return <double*>start(view)


cdef inline int64_t whole(double x) noexcept nogil:
    return <int64_t>x
