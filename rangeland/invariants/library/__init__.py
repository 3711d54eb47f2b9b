"""The prover of C allocators: tries the malloc family of a shared library."""

from rangeland.invariants.library.prove import prove_library
from rangeland.invariants.library.result import LibraryResult

__all__ = ["LibraryResult", "prove_library"]
