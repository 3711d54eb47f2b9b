"""The property-testing kit: try the invariants of allocators and lands."""
