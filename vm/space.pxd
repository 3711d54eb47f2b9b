cimport cython
from libc.stdint cimport int64_t
from vm cimport bits, raw
from vm cimport fields as f
from vm.interrupts cimport Interrupts
from vm.telemetry cimport Telemetry


@cython.final
cdef class AddressSpace:
    cdef readonly int64_t size
    cdef readonly int64_t base
    cdef readonly int64_t limit
    cdef readonly int64_t origin
    cdef readonly int64_t nil
    cdef int64_t* words
    cdef double* floats
    cdef int64_t* states
    cdef int64_t extent
    cdef int64_t reach
    cdef int64_t room
    cdef readonly bint checked
    cdef bint faulty
    cdef readonly int64_t reserved
    cdef readonly int64_t mapped
    cdef readonly Telemetry telemetry
    cdef readonly Interrupts interrupts
    cdef readonly object operation
    cdef readonly object bytes
    cdef readonly object reservations
    cdef readonly object stack
    cdef readonly dict ledgers
    cdef object _bases
    cdef object _memory
    cdef object _states
    cdef object _words
    cdef object _plan
    cdef int64_t _arenas
    cdef int64_t _births

    cpdef int64_t enter(self, object what) except? -1
    cpdef int64_t leave(self) except? -1
    cpdef int64_t refuse_operation(self, object what) except? -1
    cdef int64_t refuses_node(self) except? -1 with gil
    cdef int64_t map(self, int64_t base, int64_t limit) except? -1 with gil
    cdef int64_t unmap(self, int64_t base, int64_t limit) except? -1 with gil
    cpdef int64_t first_unmapped(self, int64_t base, int64_t limit) except? -1
    @cython.locals(n=int64_t)
    cdef int64_t admit(self, int64_t address, int64_t size) except? -1 nogil
    cdef int64_t outside(self, int64_t address, int64_t size) except? -1 with gil
    @cython.locals(n=int64_t)
    cdef int64_t damage(self, str what, int64_t address, int64_t field, str expected) except? -1 with gil
    @cython.locals(start=int64_t, end=int64_t, page=int64_t)
    cdef int64_t verify(self, int64_t address, int64_t size) except? -1 with gil
    cdef int64_t _page(self, int64_t address) except? -1
    @cython.locals(page=int64_t, last=int64_t, count=int64_t, first=int64_t)
    cpdef int64_t mapped_pages(self, int64_t base, int64_t limit) except? -1
