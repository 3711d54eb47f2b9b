"""land: sets of address ranges. Imports only vm (design/index.md)."""

import vm  # noqa: F401  (the switch between the two speeds comes first)
