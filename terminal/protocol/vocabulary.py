"""The words that views may use where a word stands for a state: closed lists, spelt once.

Each is held against the domain's own enumeration by a test. A face refuses a word that it does not
know, so a new one is a change that raises ``PROTOCOL``. What comes from a face is plain text: what
it may not say is answered with a sentence.
"""

from typing import Literal, TypeAlias

ModeWord: TypeAlias = Literal["PAPER", "LIVE"]
SideWord: TypeAlias = Literal["buy", "sell"]
OrderKindWord: TypeAlias = Literal["gtc", "fak", "fok"]
StreamWord: TypeAlias = Literal["idle", "connecting", "live", "stale", "down"]
"""``stale`` is a stream of which some books can't be trusted."""
BookWord: TypeAlias = Literal["waiting", "live", "quiet", "stale", "frozen", "resyncing", "closed"]
"""``waiting``: nothing has been heard of this book yet."""
MarketWord: TypeAlias = Literal["open", "dormant", "paused", "closed", "resolved"]
"""``dormant``: open, and quoted by nobody on both sides."""
VerdictWord: TypeAlias = Literal[
    "",
    "too early to tell",
    "within the noise",
    "clear move",
    "may be chance",
    "theme move",
    "market led the story",
    "shared with another story",
    "not measurable",
]
""""": not measured yet. ``may be chance``: a clear move, of which so many pairs give one."""
TierWord: TypeAlias = Literal["bears", "touches"]
"""``bears``: the story reports on the very thing asked; ``touches``: it is related."""
NoteWord: TypeAlias = Literal["faded", "stuck", "a quote move"]
SignalWord: TypeAlias = Literal["open", "over", "skipped"]
"""``skipped``: a trade that a strategy decided against."""
MandateWord: TypeAlias = Literal["", "alert", "suggest", "paper", "live"]
OrderWord: TypeAlias = Literal[
    "intended", "open", "filled", "cancelled", "denied", "refused", "unknown", "failed"
]
"""``failed``: it is over, and some of what it filled did not settle."""
LiquidityWord: TypeAlias = Literal["maker", "taker"]
StageWord: TypeAlias = Literal["", "matched", "confirmed", "failed"]
StepWord: TypeAlias = Literal["seen", "linked", "moved", "suggestion", "order", "fill"]
SourceWord: TypeAlias = Literal["waiting", "ok", "frozen", "failing", "throttled", "parked", "off"]
ResultWord: TypeAlias = Literal["done", "refused", "denied", "unknown"]
LevelWord: TypeAlias = Literal["info", "warning", "error"]

FIT: frozenset[BookWord] = frozenset({"live", "quiet"})
"""Books that are fit to trade on."""
TELLING: frozenset[VerdictWord] = frozenset(
    {"clear move", "theme move", "market led the story", "shared with another story"}
)
"""Verdicts on moves that stood out; the others may be noise or chance."""
