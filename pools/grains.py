"""GrainSource: what a pool asks of the arena above it.

Declared here so that nothing in pools/ imports arena/ (design/index.md).
"""

from vm import results as r


class GrainSource:
    """Gives and takes back memory in whole grains, and control memory.

    `grain` is the grain size in bytes. The arena is the one that implements
    this and overrides every method.
    """

    def __init__(self, space, grain):
        self.space = space
        self.grain = grain

    def alloc_grains(self, size, high, pool):
        """The address of `size` bytes of grains for the pool at `pool`, from
        the high or low end of the address space, or a negative code."""
        return -r.UNIMPL

    def free_grains(self, base, size, pool):
        """Take back grains that the pool at `pool` got. Always OK."""
        return r.UNIMPL

    def adopt_grain(self, base, pool):
        """Give the free grain at `base` to the pool at `pool`. Returns its size."""
        return -r.UNIMPL

    def extent_of(self, address, pool):
        """The base of the grains that `pool` got together and that hold
        `address`, or -FAIL if the pool owns no such grains."""
        return -r.UNIMPL

    def set_segment(self, base, size, segment):
        """Let the grains [base, base + size), which a pool got together,
        name the segment whose descriptor is at `segment`. Always OK."""
        return r.UNIMPL

    def segment_of(self, address, pool):
        """The segment that the grain at `address` names, or 0 if it names
        none or is not the pool's."""
        return -r.UNIMPL

    def alloc_control(self, size):
        """The address of `size` bytes of control memory, or a negative code."""
        return -r.UNIMPL

    def free_control(self, base, size):
        """Take back `size` bytes of control memory at `base`. Always OK."""
        return r.UNIMPL

    def next_serial(self):
        """A serial number that no pool of the arena had before."""
        return -r.UNIMPL

    def poll(self):
        """Let the arena do what is due every so many bytes allocated."""
        return r.OK

    def fill(self, size):
        """Count `size` bytes as allocated by a client."""
        return r.OK

    def committed(self):
        """The bytes of memory that the arena has committed."""
        return -r.UNIMPL

    def spare(self):
        """Those of them that are spare: in no pool, and kept for the next."""
        return -r.UNIMPL

    def page_tables(self):
        """Those of them that say which page is whose."""
        return -r.UNIMPL
