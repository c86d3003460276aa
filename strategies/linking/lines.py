"""Links for lines of JSON: ``ftt link`` without the command line around it.

A market line is ``{"id", "question", "description", "created", "end_date", "event", "outcomes",
"tags"}``, a story line ``{"id", "title", "summary", "source", "published"}``; only id and question,
or id and title, are required and unknown keys are ignored. A market is open from ``created`` to
``end_date``. Each story gives ``{"id", "links": [{"market_id", "relevance", "tier", "direction",
"why"}]}``, best first; a link in which an outside judge had a say names it as ``"judge"``, and
``"alone"`` says whether its side rests on that judge and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias

from feeds.events import Judged, Near
from feeds.markets import Nanos
from strategies.decisions import Link
from strategies.linking import Candidate, LinkableMarket, Linker
from strategies.linking.dates import parse_time
from strategies.linking.rerank import rejudged

MARKETS_MAX = 200_000


class StoryLine(NamedTuple):
    """A story as its line tells it."""

    id: str
    title: str
    summary: str
    published_ns: Nanos | None


Ask: TypeAlias = Callable[[StoryLine, tuple[Candidate, ...]], Judged | None]
"""Puts a story and its candidates to an outside judge; None where it gives no answer."""


class Mean(Protocol):
    """Says what a story means beside the questions, where the models of stage B are at hand."""

    def put(self, market: LinkableMarket) -> None: ...

    def near(self, story: StoryLine, market_ids: tuple[str, ...]) -> tuple[Near, ...]: ...


class LineError(ValueError):
    """A line that cannot be read: which line, which field, what is wrong."""


def link_lines(
    markets: Iterable[dict[str, Any]],
    stories: Iterable[dict[str, Any]],
    ask: Ask | None = None,
    judge_floor: float = 0.0,
    mean: Mean | None = None,
) -> Iterator[dict[str, Any]]:
    """The links of each story, one dictionary a story in their order.

    ``mean`` adds what the story means to what its words say.
    ``ask`` lets an outside judge re-rank them; below ``judge_floor`` what it judged is left out.
    Raises :class:`LineError` naming the line (counted from 1) and the field.
    """
    linker = Linker()
    for number, line in enumerate(markets, start=1):
        if number > MARKETS_MAX:
            raise LineError(f"markets line {number}: more than {MARKETS_MAX:,} markets")
        market = market_of(line, number)
        linker.add(market)
        if mean is not None:
            mean.put(market)
    for number, line in enumerate(stories, start=1):
        story = story_of(line, number)
        near = mean.near(story, linker.likely(*story[1:])) if mean is not None else ()
        links = linker.link(*story[1:], near)
        if ask is not None:
            candidates = linker.candidates(*story[1:], near)
            said = ask(story, candidates) if candidates else None
            if said is not None:
                links = rejudged(links, candidates, said, judge_floor)
        yield {"id": story.id, "links": [_line(link) for link in links]}


def _line(link: Link) -> dict[str, Any]:
    line = {
        "market_id": link.market_id,
        "relevance": link.relevance,
        "tier": link.tier.value,
        "direction": link.direction,
        "why": link.why,
    }
    return line | {"judge": link.judge, "alone": link.alone} if link.judge else line


def market_of(line: object, number: int) -> LinkableMarket:
    """A market line, checked."""
    where = f"markets line {number}"
    fields = _object(line, where)
    return LinkableMarket(
        id=_text(fields, "id", where, required=True),
        question=_text(fields, "question", where, required=True),
        description=_text(fields, "description", where),
        created_ns=_time(fields, "created", where),
        end_ns=_time(fields, "end_date", where),
        event=_text(fields, "event", where),
        group_title=_text(fields, "group_title", where),
        outcomes=_texts(fields, "outcomes", where),
        tags=_texts(fields, "tags", where),
    )


def story_of(line: object, number: int) -> StoryLine:
    """A story line, checked."""
    where = f"stories line {number}"
    fields = _object(line, where)
    return StoryLine(
        _text(fields, "id", where, required=True),
        _text(fields, "title", where, required=True),
        _text(fields, "summary", where),
        _time(fields, "published", where),
    )


def _object(line: object, where: str) -> dict[str, Any]:
    if not isinstance(line, dict):
        raise LineError(f"{where}: expected a JSON object, got {_kind(line)}")
    return line


def _text(fields: dict[str, Any], name: str, where: str, required: bool = False) -> str:
    value = fields.get(name)
    if value is None and not required:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and name == "id":
        value = str(value)
    if not isinstance(value, str):
        wanted = "is required: give it" if value is None else f"is {_kind(value)}: give"
        raise LineError(f"{where}: field '{name}' {wanted} as text")
    if required and not value.strip():
        raise LineError(f"{where}: field '{name}' is empty: give it as text")
    return value


def _texts(fields: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LineError(f"{where}: field '{name}' must be a list of texts")
    return tuple(value)


def _time(fields: dict[str, Any], name: str, where: str) -> Nanos | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    when = parse_time(value) if isinstance(value, str) else None
    if when is None:
        raise LineError(
            f"{where}: field '{name}' is {value!r:.60}: give an ISO 8601 date or time,"
            " such as 2026-06-30 or 2026-06-30T12:00:00Z"
        )
    return when


def _kind(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        type(None): "null",
    }
    return names.get(type(value), "a number")
