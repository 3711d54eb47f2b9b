cimport cython
from libc.stdint cimport int64_t
from vm.space cimport AddressSpace


@cython.locals(at=int64_t)
cpdef int64_t damaged(AddressSpace space, str what, int64_t address, int64_t field, str expected) except? -1 with gil
