"""What the desk decides. The engine acts on these and nothing else.

Like events they are frozen and travel as compact msgpack, so that two replays of one tape can be
compared byte for byte.
"""

from enum import Enum
from typing import Literal, TypeAlias

import msgspec

from feeds.events import OrderKind
from feeds.markets import Money, Nanos, Price, Side, Size


class Tier(Enum):
    """BEARS: the story reports on the very thing asked. TOUCHES: it is related."""

    BEARS = "bears"
    TOUCHES = "touches"


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A story touches a market. ``direction`` is the way it pushes YES: +1, -1 or 0 unclear.

    ``relevance`` runs from 0 to 1, calibrated: of links told at 0.8 four in five are right.
    ``tier`` says whether alerts and strategies may act on it. ``why`` is one sentence made of what
    was matched. ``judge`` names who besides the linker had a say in it, "" where nobody had;
    ``alone`` says that its side rests on that judge's word and nothing else.
    """

    market_id: str
    relevance: float
    direction: int
    why: str
    facet: str = ""
    judge: str = ""
    tier: Tier = Tier.TOUCHES
    alone: bool = False


class Verdict(Enum):
    """What may be said about a move. The values are shown to the trader."""

    WAITING = "too early to tell"
    NOISE = "within the noise"
    CLEAR = "clear move"
    THEME = "theme move"
    LED = "market led the story"
    SHARED = "shared with another story"
    NOT_MEASURABLE = "not measurable"


FADED_MAX = 0.4
STUCK_MIN = 0.8
SETTLED_AFTER = 240
"""Minutes after the story from which on a move that is still there has stuck."""
CHANCE_MAX = 0.05
"""Of the day's moves that are called significant at most this share is chance."""


Lasting: TypeAlias = Literal["", "faded", "stuck"]


class Impact(msgspec.Struct, frozen=True, array_like=True):
    """How far one story has moved one market's odds of YES, as of ``at_ns``.

    ``before`` and ``now`` are implied probabilities; ``logit`` is the move in log-odds; ``z`` is
    that move in units of what the market usually does in such a time; ``rank_p`` how often the
    market goes as far without a story. None means that it could not be measured (yet), and
    ``reason`` says why. Where a move stood out, more is known of it:

    ``theme`` is what ``peers`` markets of the kind did meanwhile, in logit, and ``z_adjusted`` the
    move beyond that; ``credit`` is this story's share among ``rivals`` (ids of other stories, names
    of scheduled events); ``leak`` the share of the move that came before the story; ``half_life``
    the minutes until half of the first hour's move was done; ``persistence`` how much of its
    extreme is left; ``trades`` how many prints there were since the story, if they were watched;
    ``chance`` the share of chance expected among it and the day's moves that are as clear.
    """

    story_id: str
    condition_id: str
    at_ns: Nanos
    verdict: Verdict
    reason: str
    before: float | None = None
    now: float | None = None
    logit: float | None = None
    z: float | None = None
    rank_p: float | None = None
    leak: float | None = None
    minutes: float = 0.0
    theme: float | None = None
    z_adjusted: float | None = None
    peers: int = 0
    credit: float | None = None
    rivals: tuple[str, ...] = ()
    half_life: float | None = None
    persistence: float | None = None
    trades: int | None = None
    chance: float | None = None

    @property
    def points(self) -> float | None:
        """The move in percentage points of implied probability."""
        if self.before is None or self.now is None:
            return None
        return 100 * (self.now - self.before)

    @property
    def stood_out(self) -> bool:
        """Whether the odds moved beyond doubt, whoever's doing it was."""
        return self.verdict in _STOOD_OUT

    @property
    def significant(self) -> bool:
        """A clear move of this story, and not one of the few that so many pairs give by chance."""
        return self.verdict is Verdict.CLEAR and (self.chance is None or self.chance <= CHANCE_MAX)

    @property
    def quote_move(self) -> bool:
        """Whether nobody traded: the makers alone moved their quotes."""
        return self.stood_out and self.trades == 0

    @property
    def lasting(self) -> Lasting:
        """What became of the move: "faded", "stuck", or "" where that can't be said (yet)."""
        if self.persistence is None:
            return ""
        if self.persistence < FADED_MAX:
            return "faded"
        stuck = self.persistence > STUCK_MIN and self.minutes >= SETTLED_AFTER
        return "stuck" if stuck else ""


_STOOD_OUT = frozenset({Verdict.CLEAR, Verdict.THEME, Verdict.LED, Verdict.SHARED})


class Mandate(Enum):
    """How far a strategy may go on its own."""

    ALERT = "alert"
    SUGGEST = "suggest"
    PAPER = "paper"
    LIVE = "live"


class Suggestion(msgspec.Struct, frozen=True, array_like=True):
    """A trade that a strategy proposes. ``edge`` is in cents a share after fees and slippage.

    It takes what is there at the limit, unless it ``rests``.
    """

    id: str
    at_ns: Nanos
    strategy: str
    story_id: str
    condition_id: str
    asset_id: str
    side: Side
    limit: Price
    size: Size
    edge: float
    reason: str
    until_ns: Nanos
    mandate: Mandate = Mandate.SUGGEST
    rests: bool = False


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy's own orders bought last of an asset, as the ledger remembers it.

    ``price`` is that of the newest such fill, ``edge`` what was expected of it, in cents a share.
    """

    strategy: str
    condition_id: str
    asset_id: str
    since_ns: Nanos
    price: Price
    story_id: str = ""
    edge: float = 0.0


class OrderIntent(msgspec.Struct, frozen=True, array_like=True):
    """An order that passed the gate and must be on disk before it leaves the house.

    ``origin`` is a suggestion's id or a person's command id. ``tick_size``, ``neg_risk`` and the
    fee ceiling are as they stood when it was decided.
    """

    order_id: str
    at_ns: Nanos
    origin: str
    strategy: str
    condition_id: str
    asset_id: str
    side: Side
    price: Price
    size: Size
    kind: OrderKind
    post_only: bool = False
    fee_max: Money = 0


class CommandResult(Enum):
    """What became of a command. The values are shown to the trader."""

    CONFIRMED = "done"
    REFUSED = "the venue said no"
    DENIED = "our own gate said no; nothing left the house"
    UNKNOWN = "it may be there: this market is blocked until we know"


class LinksFound(msgspec.Struct, frozen=True, array_like=True, tag="links"):
    """Which markets a story touches, best first. An empty tuple is an answer."""

    at_ns: Nanos
    story_id: str
    links: tuple[Link, ...]


class Put(msgspec.Struct, frozen=True, array_like=True):
    """Markets of one meaning, put to a judge as one question: it answers for the first of them.

    ``more`` is how many there are besides.
    """

    market_ids: tuple[str, ...]
    more: int = 0


class Consult(msgspec.Struct, frozen=True, array_like=True, tag="consult"):
    """A judge outside may say how the story bears on these questions.

    The desk's own links stand meanwhile, and for ever where no answer comes.
    """

    at_ns: Nanos
    story_id: str
    revision: int
    questions: tuple[Put, ...]


class Ponder(msgspec.Struct, frozen=True, array_like=True, tag="ponder"):
    """What does this story mean beside the questions? It is linked when that is known.

    ``market_ids`` are those of which it matters, likeliest first.
    """

    at_ns: Nanos
    story_id: str
    revision: int
    market_ids: tuple[str, ...]


class ImpactSeen(msgspec.Struct, frozen=True, array_like=True, tag="impact"):
    """The verdict on a story's impact changed."""

    impact: Impact


class Remembered(msgspec.Struct, frozen=True, array_like=True, tag="remembered"):
    """A precedent: how far a story of this facet moved a market of this family, the linked way."""

    at_ns: Nanos
    story_id: str
    condition_id: str
    facet: str
    family: str
    logit: float


class Suggested(msgspec.Struct, frozen=True, array_like=True, tag="suggested"):
    """A strategy proposes a trade."""

    suggestion: Suggestion


class SuggestionOver(msgspec.Struct, frozen=True, array_like=True, tag="suggestion_over"):
    """A suggestion was accepted, dismissed, acted on, or ran out of time."""

    at_ns: Nanos
    suggestion_id: str
    how: str


class Skipped(msgspec.Struct, frozen=True, array_like=True, tag="skipped"):
    """A trade that did not happen, and why: which gate, what number, what limit."""

    at_ns: Nanos
    strategy: str
    story_id: str
    condition_id: str
    gate: str
    value: str
    limit: str
    sentence: str


class Place(msgspec.Struct, frozen=True, array_like=True, tag="place"):
    """Send this order."""

    order: OrderIntent


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """Take this order off the book."""

    at_ns: Nanos
    order_id: str
    reason: str


class Follow(msgspec.Struct, frozen=True, array_like=True, tag="follow"):
    """The desk wants the books of exactly these assets, in this order of importance."""

    at_ns: Nanos
    asset_ids: tuple[str, ...]


class Alert(msgspec.Struct, frozen=True, array_like=True, tag="alert"):
    """Something a person should hear of. Alerts with one ``key`` are one thread."""

    at_ns: Nanos
    kind: str
    key: str
    title: str
    body: str
    story_id: str = ""
    condition_id: str = ""


class Parked(msgspec.Struct, frozen=True, array_like=True, tag="parked"):
    """A strategy failed and is off until a restart; the others run on."""

    at_ns: Nanos
    strategy: str
    cause: str


class Answer(msgspec.Struct, frozen=True, array_like=True, tag="answer"):
    """The reply to a person's command."""

    at_ns: Nanos
    command_id: str
    outcome: CommandResult
    message: str


Decision: TypeAlias = (
    LinksFound
    | Consult
    | Ponder
    | ImpactSeen
    | Remembered
    | Suggested
    | SuggestionOver
    | Skipped
    | Place
    | Cancel
    | Follow
    | Alert
    | Parked
    | Answer
)
