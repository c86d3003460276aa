"""Books and changes of June and July 2025, flattened: a table with one row a price level.

Two layouts differ in the order of columns and the spelling of sides. In that summer a trade was
told by the next ``book`` alone, so every later book replaces what was built until then.
"""

from feeds.recordings.levels import COLUMNS, read
from feeds.recordings.shape import Kind, shape

LAYOUT = "l2-mlb-2025"
WHAT = "books and changes by level"

SHAPES = tuple(
    shape(LAYOUT, WHAT, kind, " ".join(COLUMNS), read) for kind in (Kind.TABLE, Kind.PARQUET)
)
