from libc.stdint cimport int64_t
from land cimport fields as lf
from pools cimport fields as p
from pools.fit cimport Fit


cdef class BestFit(Fit):
    cdef int64_t find(self, int64_t size) except? -1 nogil
