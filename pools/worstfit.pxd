cimport cython
from libc.stdint cimport int64_t
from land cimport fields as lf
from pools cimport fields as p
from pools.fit cimport Fit
from vm cimport results as r


cdef class WorstFit(Fit):
    @cython.locals(base=int64_t)
    cdef int64_t find(self, int64_t size) except? -1 nogil
