"""Which tests are about which file: those that the suite is asked first."""

LANDS = ("unit/test_land_tree.py", "unit/test_land_nodes.py", "model/test_land_agreement.py")
CLASSES = ("unit/test_pools_classes.py", "unit/test_pools_classes_waste.py")
MVT = ("unit/test_pools_mvt.py",)
LIFO = ("unit/test_pools_fits.py", "unit/test_pools_asking.py")
MACHINE = ("unit/test_vm_space.py", "unit/test_vm_access.py", "unit/test_vm_faults.py")

TESTS = {
    "land": LANDS,
    "land/freelist.py": ("unit/test_land_freelist.py", *LANDS),
    "land/sized.py": ("unit/test_land_sized.py", *LANDS),
    "land/sizetree.py": ("unit/test_land_sized.py", *LANDS),
    "land/zonedtree.py": ("unit/test_land_zones.py", *LANDS),
    "land/zones.py": ("unit/test_land_zones.py", *LANDS),
    "land/arguments.py": ("unit/test_land_face.py",),
    "land/land.py": ("unit/test_land_face.py", *LANDS),
    "pools": ("unit/test_pools_blocks.py", "unit/test_pools_asking.py"),
    "pools/mfs.py": ("unit/test_pools_mfs.py",),
    "pools/mvff.py": ("unit/test_pools_mvff.py",),
    "pools/fit.py": ("unit/test_pools_mvff.py", *LIFO),
    "pools/bestfit.py": LIFO,
    "pools/worstfit.py": LIFO,
    "pools/nextfit.py": LIFO,
    "pools/lifofit.py": LIFO,
    "pools/tagged.py": LIFO,
    "pools/mvt.py": MVT,
    "pools/stock.py": MVT,
    "pools/queue.py": MVT,
    "pools/point.py": MVT,
    "pools/segments.py": MVT,
    "pools/buddy.py": CLASSES,
    "pools/segfit.py": CLASSES,
    "pools/bins.py": CLASSES,
    "pools/slab.py": CLASSES,
    "pools/heap.py": CLASSES,
    "pools/orders.py": CLASSES,
    "pools/regions.py": CLASSES,
    "arena": ("unit/test_arena_growth.py", "unit/test_arena_audit.py", "unit/test_arena_misuse.py"),
    "vm": MACHINE,
    "vm/bits.py": ("unit/test_vm_bits.py",),
    "vm/bittable.py": ("unit/test_vm_bits.py",),
    "vm/sparse.py": ("unit/test_vm_sparse.py",),
    "vm/descriptor.py": ("unit/test_vm_descriptor.py",),
    "vm/results.py": ("unit/test_vm_results.py",),
}
