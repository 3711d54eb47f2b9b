from libc.stdint cimport int64_t
from vm.space cimport AddressSpace


cdef inline int64_t at(AddressSpace space, int64_t address, int64_t size) except? -1 nogil:
    if space.checked:
        space.verify(address & -8, size)
    return (address - space.origin) >> 3
