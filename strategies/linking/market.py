"""A market as the linker needs it."""

import msgspec

from feeds.markets import Market, Nanos


class LinkableMarket(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what helps to understand it.

    It is open from ``created_ns`` to ``end_ns``; None where a time is not known.
    """

    id: str
    question: str
    description: str = ""
    created_ns: Nanos | None = None
    end_ns: Nanos | None = None
    event: str = ""
    group_title: str = ""
    outcomes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def linkable(market: Market) -> LinkableMarket:
    """The linker's view of a catalogue market; its id is the condition id."""
    return LinkableMarket(
        id=market.condition_id,
        question=market.question,
        description=market.description,
        end_ns=market.end_ns,
        event=market.event_title,
        group_title=market.group_title,
        outcomes=(market.yes.name, market.no.name),
        tags=market.tags,
    )
