cimport cython
from libc.stdint cimport int64_t
from land cimport fields as lf
from pools cimport fields as p
from pools.fit cimport Fit
from vm cimport events as ev
from vm cimport mmu


cdef class MVFF(Fit):
    @cython.locals(n=int64_t, w='int64_t*', mode=int64_t, found=int64_t)
    cdef int64_t find(self, int64_t size) except? -1 nogil
