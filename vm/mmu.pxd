from libc.stdint cimport int64_t, uint64_t
from vm cimport fields as f
from vm.space cimport AddressSpace


cdef inline int64_t at(AddressSpace space, int64_t address, int64_t size) except? -1 nogil:
    cdef int64_t n = address - space.origin
    # Unsigned, so that what is below the origin is beyond the reach, too.
    if <uint64_t>n < <uint64_t>space.reach and <uint64_t>size <= f.PAGE:
        # Not negative, as a compiler sees here: so no caller asks for an error.
        return <int64_t>(<uint64_t>n >> 3)
    return space.admit(address, size)
