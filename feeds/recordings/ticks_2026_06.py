"""Changes and trades of June 2026, flattened: parquet with one row an element of a frame.

There are no books: what stood before the recording began is not known, but each change states
both best prices after it. A trade's stamp lies up to some seconds before its neighbours'.
"""

from feeds.recordings.levels import COLUMNS, read
from feeds.recordings.shape import Kind, shape

LAYOUT = "ticks-2026-06"
WHAT = "changes and trades by row"
STATED = ("best_bid", "best_ask")

SHAPES = tuple(
    shape(LAYOUT, WHAT, kind, " ".join((*COLUMNS, *STATED)), read)
    for kind in (Kind.PARQUET, Kind.TABLE)
)
