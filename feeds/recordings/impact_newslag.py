"""Cases of news and the odds after it: JSON lines, one case a line, in the shape of the venue's
price history. Many points look interpolated; good for a sanity check, not for a score."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from feeds.events import Event, OddsPoint, Story
from feeds.recordings.lines import objects
from feeds.recordings.order import in_order
from feeds.recordings.row import Notes, Row
from feeds.recordings.shape import Kind, shape

LAYOUT = "impact-newslag"
POINTS_MAX = 100_000


def read(path: Path, notes: Notes | None = None) -> Iterator[Event]:
    """Stories and past midpoints, in order of time. Raises ``RecordingError``."""
    return in_order(_events(path))


def _events(path: Path) -> Iterator[Event]:
    row = Row(path)
    for row.number, case, _ in objects(path):
        asset, question = row.id("token_id", case.get("token_id")), row.words(case.get("market"))
        for name, said in _listed(row, case, "events"):
            at_ns = row.seconds(f"{name}.t", said.get("t"))
            yield _story(at_ns, row.line(f"{name}.what", said.get("what")), question)
        for name, point in _listed(row, case, "history"):
            at_ns = row.seconds(f"{name}.t", point.get("t"))
            yield OddsPoint(at_ns, asset, at_ns, row.odds(f"{name}.p", point.get("p")))


def _listed(row: Row, case: dict[str, Any], field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = case.get(field)
    if not isinstance(listed, list) or len(listed) > POINTS_MAX:
        raise row.expected(field, f"a list of at most {POINTS_MAX:,}", listed)
    for index, item in enumerate(listed):
        if not isinstance(item, dict):
            raise row.expected(f"{field}[{index}]", "an object", item)
        yield f"{field}[{index}]", item


def _story(at_ns: int, title: str, question: str) -> Story:
    of = blake2b(f"{at_ns} {title}".encode("utf-8", "replace"), digest_size=7).hexdigest()
    return Story(
        at_ns=at_ns,
        id=of,
        source=LAYOUT,
        source_name="Cases",
        title=title,
        summary=question,
        published_ns=at_ns,
        first_seen_ns=at_ns,
        cluster_id=of,
    )


SHAPES = (shape(LAYOUT, "cases of news and odds", Kind.JSON, "token_id events history", read),)
