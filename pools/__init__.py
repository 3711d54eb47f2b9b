"""pools: pool classes. Imports vm and land (design/index.md)."""

import vm  # noqa: F401  (the switch between the two speeds comes first)
