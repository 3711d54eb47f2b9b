"""arena: chunks, tracts, zones, placement. Imports vm, land and pools (design/index.md)."""

import vm  # noqa: F401  (the switch between the two speeds comes first)
