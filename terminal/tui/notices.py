"""What was said to the person: one sentence at a time, and all of it to read later."""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from terminal.tui import words
from terminal.tui.view_model import ViewModel

SHOWN_FOR_S = 6.0
"""A sentence of a line is read in half of it, by somebody who was looking elsewhere."""
AGAIN_S = 30.0
NOTICES_MAX = 200
_RULE_ENDS = 10

Severity: TypeAlias = Literal["information", "warning", "error"]


class Notice(NamedTuple):
    """Something said to the person, ``at_ns`` market time, on the page ``until`` then."""

    at_ns: int
    sentence: str
    level: Severity
    until: float

    def fits(self, width: int) -> bool:
        """Whether it can stand on the rule of a page this wide."""
        return len(self.sentence) <= width - _RULE_ENDS


class Notices:
    """What was said lately, the newest last; ``show`` is called with each."""

    def __init__(self, seen: ViewModel, show: Callable[[Notice], object]) -> None:
        self.all: deque[Notice] = deque(maxlen=NOTICES_MAX)
        self._seen, self._show = seen, show
        self._said: dict[str, tuple[float, int]] = {}

    def say(self, sentence: str, level: Severity = "information") -> None:
        """Tell the person. The same trouble again within half a minute is only counted."""
        sentence = words.plain(sentence)
        now = time.monotonic()
        since, count = self._said.get(sentence, (-AGAIN_S, 0))
        if now - since < AGAIN_S and level != "information":
            self._said[sentence] = (since, count + 1)
            return
        if len(self._said) >= NOTICES_MAX:
            self._said.clear()
        self._said[sentence] = (now, 0)
        if count:
            sentence = f"{sentence} ({count} more like it)"
        notice = Notice(self._seen.now_ns, sentence, level, now + SHOWN_FOR_S)
        self.all.append(notice)
        self._show(notice)

    def on_rule(self, width: int) -> Notice | None:
        """What the rule says now; trouble that is too long for it stands elsewhere."""
        last = self.all[-1] if self.all else None
        if last is None or time.monotonic() >= last.until:
            return None
        return last if last.fits(width) or last.level == "information" else None
