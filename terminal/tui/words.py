"""From integers and foreign text to what stands on the page.

Prices come in 1/10,000 dollar, sizes in 1/1,000,000 share, money in 1/1,000,000 dollar, times in
Unix nanoseconds, odds as floats between 0 and 1, moves in percentage points. What goes out is
plain text of a known width in terminal cells; none of it is ever read as markup.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size

from feeds import figures
from terminal.protocol.vocabulary import TELLING, VerdictWord

SHARE = 1_000_000
DOLLAR = 1_000_000
SECOND = 1_000_000_000
TEXT_MAX = 20_000
_UNPRINTABLE = re.compile(r"[^\S ]+|[\u2028\u2029]+")
_JOINERS = frozenset("\u200b\u200c\u200d\u2060\ufeff")
_EIGHTHS = " ▏▎▍▌▋▊▉█"
CLOSING = frozenset("。，、；：！？）」』”’…")
HOLLOW = {figures.UP: "△", figures.DOWN: "▽"}


def plain(text: str) -> str:
    """``text`` as one line that can't move a cursor: white space becomes a space, the rest goes.

    The engine's text door has cleaned it already; this is the second lock on the same door.
    Variation selectors and joiners go too, since terminals disagree about their width.
    """
    if text.isprintable() and "\ufe0f" not in text:
        return text
    text = _UNPRINTABLE.sub(" ", text[:TEXT_MAX])
    return "".join(c for c in text if c.isprintable() and not "\ufe00" <= c <= "\ufe0f")


@lru_cache(maxsize=4096)
def wrap(text: str, width: int, most: int = 1_000) -> tuple[str, ...]:
    """``text`` in at most ``most`` lines of ``width`` cells; the last ends in … when cut."""
    words = plain(text[:TEXT_MAX]).split()
    lines: list[str] = []
    line = ""
    for word in words:
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line and cell_len(word) <= width:
            lines.append(line)
            line = word
            continue
        *full, line = _chopped(joined, width)
        lines += full
        if len(lines) > most:
            break
    lines.append(line)
    if len(lines) <= most:
        return tuple(lines)
    return (*lines[: most - 1], fit(lines[most - 1] + "…" * width, width).rstrip("… ") + "…")


def _chopped(text: str, width: int) -> list[str]:
    """What has no space to break at, in lines of ``width`` cells; none begins with a full stop."""
    lines: list[str] = []
    start, width = 0, max(1, width)
    while True:
        # as many characters as cells, and the one that comes next, are enough to see the break
        ahead = text[start : start + width + 1]
        if len(ahead) <= width and cell_len(ahead) <= width:
            return [*lines, ahead]
        line = next(iter(chop_cells(ahead, width)), "") or ahead[:1]
        whole = line
        while len(line) > 1 and _closes(text, start + len(line)) and cell_len(line[-1]):
            line = line[:-1]
        if _closes(text, start + len(line)):
            line = whole
        lines.append(line)
        start += len(line)


def _closes(text: str, at: int) -> bool:
    """Whether the letter at a place may begin no line."""
    return text[at : at + 1] in CLOSING


def fit(text: str, width: int) -> str:
    """``text`` in exactly ``width`` cells, cut with … or filled with spaces."""
    text = plain(text)
    length = cell_len(text)
    if length == width:
        return text
    if length < width:
        return text + " " * (width - length)
    return set_cell_size(set_cell_size(text, width - 1) + "…", width) if width > 0 else ""


def listed(parts: Iterable[str], width: int, between: str = " · ") -> tuple[str, ...]:
    """Short facts in lines of ``width`` cells; no line begins with what stands between them."""
    lines: list[str] = []
    for part in filter(None, (plain(part).strip() for part in parts)):
        joined = f"{lines[-1]}{between}{part}" if lines else part
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines += wrap(part, width)
    return tuple(lines)


def right(text: str, width: int) -> str:
    """``text`` against the right edge; a number is never cut, so it may come out wider."""
    return " " * (width - cell_len(text)) + text


def decimals(tick_size: int) -> int:
    """How many decimals of a cent a grid of ``tick_size`` needs, at least one."""
    return 1 if tick_size % 10 == 0 else 2


def cents(price: int, tick_size: int = 100) -> str:
    """2440 as ``24.4``."""
    return figures.cents(price, decimals(tick_size))


def tick_words(tick_size: int) -> str:
    """``tick 0.1¢``."""
    return f"tick {figures.cent_price(tick_size)}"


def shares(size: int) -> str:
    """12,400; below a hundred with the fraction it has; never nothing for something."""
    if size % SHARE == 0 or size >= 100 * SHARE:
        return f"{size // SHARE:,}"
    return figures.fixed(size, SHARE, 2) if size >= SHARE // 100 else "<0.01"


def whole_shares(size: int) -> str:
    """For columns of depth: whole shares, ``<1`` for a crumb."""
    return f"{size // SHARE:,}" if size >= SHARE or size == 0 else "<1"


def gain(amount: int) -> str:
    """+4.10: a profit or loss, its sign always there."""
    return figures.fixed(amount, DOLLAR, 2, signed=True)


def volume(dollars: float) -> str:
    """$1.2M."""
    for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if dollars >= unit:
            return f"${dollars / unit:.1f}{letter}"
    return f"${dollars:.0f}"


def told(move: float | None, verdict: VerdictWord) -> tuple[str, str]:
    """Sign and colour of a move as far as its verdict lets them speak."""
    sign = figures.glyph(move)
    if verdict in TELLING:
        return sign, role_of(move)
    return HOLLOW.get(sign, sign), "ink"


def role_of(move: float | None) -> str:
    """The colour beside the sign."""
    return {figures.UP: "up", figures.DOWN: "down", figures.NONE: "faint"}[figures.glyph(move)]


def age(seconds: float | None) -> str:
    """0.2 s, 41 s, 2 m, 3 h, 5 d."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {letter}"
    return f"{int(seconds)} s"


def ago(at_ns: int | None, now_ns: int) -> str:
    """2m, 3h, 5d: the short age of a headline."""
    if at_ns is None or now_ns <= 0:
        return ""
    seconds = max(0, (now_ns - at_ns) // SECOND)
    for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"


def _at(at_ns: int) -> datetime:
    return datetime.fromtimestamp(min(max(at_ns, 0), 10**19) // SECOND, tz=UTC)


def clock(at_ns: int) -> str:
    """14:02:11, in UTC."""
    return _at(at_ns).strftime("%H:%M:%S")


def minute(at_ns: int) -> str:
    """14:02, in UTC."""
    return _at(at_ns).strftime("%H:%M")


def day(at_ns: int) -> str:
    """Tue 24 Nov 2026."""
    at = _at(at_ns)
    return f"{at:%a} {at.day} {at:%b %Y}"


def bar(fraction: float, width: int) -> str:
    """A bar of eighth blocks, ``width`` cells at 1; something always shows for something."""
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    if fraction > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def bar_from_right(fraction: float, width: int) -> tuple[str, str]:
    """The same bar growing leftwards: its first cell, to be drawn reversed, and its full cells."""
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    if fraction > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return (_EIGHTHS[8 - rest] if rest else "", "█" * full)


def spark(values: tuple[float | None, ...], width: int) -> str:
    """Eighth blocks for odds at even steps, blanks where there were none; the newest at the end."""
    values = values[-width:] if width > 0 else ()
    known = [v for v in values if v is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    # a move of less than two points is drawn small: the eye reads height as size
    span = max(high - low, 0.02)
    base = min(low, (low + high - span) / 2)
    return "".join(
        " " if v is None else "▁▂▃▄▅▆▇█"[min(7, int((v - base) / span * 7.999))] for v in values
    )


def counted(number: int, noun: str) -> str:
    """1 source, 3 sources."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
