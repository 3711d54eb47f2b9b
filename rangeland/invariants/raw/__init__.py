"""The raw-memory judge: an arena audited from its bytes (design/raw.md).

Nothing here imports anything of land, pools or arena.
"""

from rangeland.invariants.raw.arena import audit
