from vm.space cimport AddressSpace


cdef inline int claim(AddressSpace space, object what) except -1:
    if space is None:
        raise AttributeError("a handle that was never made has no address space")
    if space.operation is not None:
        space.refuse_operation(what)
    space.operation = what
    space.interrupts.depth += 1
    return 0


cdef inline int release(AddressSpace space) except -1:
    space.operation = None
    space.interrupts.depth -= 1
    if space.interrupts.held:
        space.interrupts.deliver()
    return 0
