"""The process that has memray read a capture: told what is in it, on the standard output.

It is run by its path and imports nothing of ours. What it writes: pieces, each
how many records it has, then their columns kind, thread, address and size; in
the end -1 and an object in JSON. Source: design/forms.md#.sol.memray
"""

import json
import struct
import sys
from array import array
from collections import Counter
from itertools import islice

RECORDS = 1 << 13
MADE, FREED, OTHER = 0, 1, 2
KINDS = {
    "MALLOC": MADE, "CALLOC": MADE, "REALLOC": MADE, "POSIX_MEMALIGN": MADE, "ALIGNED_ALLOC": MADE,
    "MEMALIGN": MADE, "VALLOC": MADE, "PVALLOC": MADE, "PYMALLOC_MALLOC": MADE,
    "PYMALLOC_CALLOC": MADE, "PYMALLOC_REALLOC": MADE, "FREE": FREED, "PYMALLOC_FREE": FREED,
    "MMAP": OTHER, "MUNMAP": OTHER,
}  # fmt: skip


def main(path, out):
    """Write the records of the capture `path` to the binary file `out`."""
    import memray

    counts = Counter()
    names = {int(kind): kind.name for kind in memray.AllocatorType}
    try:
        with memray.FileReader(path) as reader:
            records = reader.get_allocation_records()
            while batch := list(islice(records, RECORDS)):
                kinds = [names[record.allocator] for record in batch]
                counts.update(kinds)
                out.write(struct.pack("<q", len(batch)))
                out.write(array("b", [KINDS[kind] for kind in kinds]))
                for name in ("tid", "address", "size"):
                    out.write(array("Q", [getattr(record, name) for record in batch]))
        end = {"kinds": dict(sorted(counts.items()))}
    except (OSError, ValueError, NotImplementedError, KeyError, OverflowError) as error:
        end = {"error": " ".join(str(error).split()) or type(error).__name__}
    out.write(struct.pack("<q", -1) + json.dumps(end).encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.stdout.buffer)
