"""What can be wrong with a foreign recording."""

from pathlib import Path


class RecordingError(Exception):
    """A recording that cannot be read. The message names file, row and field.

    ``row`` counts records from 1, the heading of a table not among them; 0 is the file as a whole.
    """

    def __init__(self, path: Path, reason: str, *, row: int = 0, field: str = "") -> None:
        place = [str(path)]
        if row:
            place.append(f"row {row:,}")
        if field:
            place.append(field)
        super().__init__(f"{', '.join(place)}: {reason}")
        self.path = path
        self.row = row
        self.field = field
        self.reason = reason
