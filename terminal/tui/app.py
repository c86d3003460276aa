"""The application: one page, a link to the engine, and the cards that lie on the page."""

import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, TypeAlias, TypeVar

from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen

from terminal.protocol.views import Command, Done, MarketView, Rows, TicketView, Toast
from terminal.tui import words
from terminal.tui.actions import BY_ID, NEEDS, Action, KeyMap
from terminal.tui.engine_client import Link
from terminal.tui.messages import AnswerCame, LinkLost, LinkOpened, ViewSeen
from terminal.tui.screens.front import TOAST_S, FrontPage, front_page
from terminal.tui.screens.search import Search
from terminal.tui.screens.ticket_screen import TicketCard
from terminal.tui.theme import PALETTES, Inks, themes
from terminal.tui.view_model import SLOW_S, Seen

_Card = TypeVar("_Card")

FRAME_S = 0.1
"""The page is redrawn for news from the engine at most ten times a second."""
PULSE_S = 0.5
PENDING_MAX = 200
STARTING_TRIES = 6
"""An engine that starts beside this face answers within so many tries."""
ANSWER_WITHIN_S = 10.0
TOAST_AGAIN_S = 30.0
TOASTS_MAX = 200
_RULE_ENDS = 10
Severity: TypeAlias = Literal["information", "warning", "error"]
_SEVERITY: dict[str, Severity] = {"warning": "warning", "error": "error"}


class Notice(NamedTuple):
    """Something said to the person, ``at_ns`` market time, on the page ``until`` then."""

    at_ns: int
    sentence: str
    level: Severity
    until: float


class FitToTrade(App[object]):
    """Receives views, shows them, sends commands. It decides nothing and remembers nothing."""

    CSS_PATH = "look.tcss"
    TITLE = "Fit to Trade"
    ENABLE_COMMAND_PALETTE = False  # the registry has a palette of its own
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        folder: Path,
        version: str,
        *,
        theme: str = "newsprint",
        keys: Mapping[str, str] | None = None,
        engine_stops: bool = False,
    ) -> None:
        super().__init__()
        if theme not in PALETTES:
            raise ValueError(f"theme: {theme!r} is unknown; known are {', '.join(PALETTES)}")
        for each in themes():
            self.register_theme(each)
        self.keymap = KeyMap(keys)
        self.inks = Inks(PALETTES[theme])
        self.theme = theme
        self.engine_stops = engine_stops
        self.seen = Seen()
        self.link = Link(folder, version, self._post)
        self._met = False
        self._waiting_for_frame = False
        self._last_frame = 0.0
        self._fresh: set[type] = set()
        self._pending: dict[str, tuple[str, float]] = {}
        self.notices: deque[Notice] = deque(maxlen=TOASTS_MAX)
        self._said: dict[str, tuple[float, int]] = {}
        self._ids = itertools.count(1)
        self._on_market: tuple[str, Callable[[MarketView], None]] | None = None
        self._tag = secrets.token_hex(4)
        self.front: FrontPage = front_page(self.keymap)()

    def get_default_screen(self) -> Screen[object]:
        return self.front

    def on_mount(self) -> None:
        self.run_worker(self.link.keep(), name="link", group="link")
        self.set_interval(PULSE_S, self._pulse)

    def _post(self, message: Message) -> None:
        self.post_message(message)

    # -- what comes from the engine --------------------------------------------------------

    @on(ViewSeen)
    def _view_seen(self, message: ViewSeen) -> None:
        self.seen.take(message.view)
        self._fresh.add(type(message.view))
        wait = self._last_frame + FRAME_S - time.monotonic()
        if wait <= 0:
            self._frame()
        elif not self._waiting_for_frame:
            self._waiting_for_frame = True
            self.set_timer(wait, self._frame)

    def _frame(self) -> None:
        """Draw what is new since the last frame."""
        self._waiting_for_frame, self._last_frame = False, time.monotonic()
        fresh, self._fresh = self._fresh, set()
        if fresh and self.front.is_attached:
            self.front.draw(fresh)
            self._serve_market()

    @on(LinkOpened)
    def _link_opened(self) -> None:
        self._met = self.seen.linked = True
        self.seen.trouble = ""
        self.front.draw_all()

    @on(LinkLost)
    def _link_lost(self, message: LinkLost) -> None:
        was = self.seen.linked
        self.seen.linked = False
        self.seen.trouble = (
            f"The engine has gone: nothing here is live. Try {message.tries}; `ftt` starts one."
            if self._met
            else "The engine is starting."
            if message.tries <= STARTING_TRIES
            else f"No engine has answered yet. Try {message.tries}; `ftt doctor` looks closer."
        )
        if was:
            self._lose_pending()
        self.front.draw_all()

    def _lose_pending(self) -> None:
        for said, _ in self._pending.values():
            self.say(
                f"{said}: the engine went before it answered. Look at ORDERS before trying again.",
                "error",
            )
        self._pending.clear()

    @on(AnswerCame)
    def _answer_came(self, message: AnswerCame) -> None:
        answer = message.answer
        self.seen.heard = time.monotonic()
        if isinstance(answer, TicketView):
            for card in self._cards(TicketCard):
                card.take_preview(answer)
        elif isinstance(answer, Rows):
            for search in self._cards(Search):
                search.take_rows(answer)
        elif isinstance(answer, Done):
            self._done(answer)
        else:
            self._toast(answer)

    def _cards(self, kind: type[_Card]) -> list[_Card]:
        return [screen for screen in self.screen_stack if isinstance(screen, kind)]

    def _done(self, done: Done) -> None:
        said, _ = self._pending.pop(done.id, ("", 0.0))
        taken = [card for card in self._cards(TicketCard) if card.take_done(done)]
        level: Severity = "information" if done.outcome == "done" else "error"
        if said and not (taken and done.outcome != "done"):
            self.say(f"{said}: {done.outcome}. {done.message}".strip(), level)

    def _toast(self, toast: Toast) -> None:
        said = " · ".join(text for text in (toast.title, toast.body) if text)
        self.say(said, _SEVERITY.get(toast.level, "information"))

    def say(self, sentence: str, level: Severity = "information") -> None:
        """One sentence on the rule; trouble that is too long for it stands in the corner.

        The same trouble again within half a minute is only counted; all of it is kept to read.
        """
        sentence = words.plain(sentence)
        now = time.monotonic()
        since, count = self._said.get(sentence, (-TOAST_AGAIN_S, 0))
        if now - since < TOAST_AGAIN_S and level != "information":
            self._said[sentence] = (since, count + 1)
            return
        if len(self._said) >= TOASTS_MAX:
            self._said.clear()
        self._said[sentence] = (now, 0)
        if count:
            sentence = f"{sentence} ({count} more like it)"
        self.notices.append(Notice(self.seen.now_ns, sentence, level, now + TOAST_S))
        if level != "information" and len(sentence) > self.size.width - _RULE_ENDS:
            self.notify(sentence, severity=level, timeout=TOAST_S, markup=False)
        elif self.front.is_attached:
            self.front.draw_rule()

    def notice(self) -> "Notice | None":
        """What the rule says now."""
        last = self.notices[-1] if self.notices else None
        if last is None or time.monotonic() >= last.until:
            return None
        fits = len(last.sentence) <= self.size.width - _RULE_ENDS
        return last if fits or last.level == "information" else None

    # -- what goes to the engine -----------------------------------------------------------

    def new_id(self) -> str:
        """An id for a command, unlike any other face's."""
        return f"{self._tag}-{next(self._ids)}"

    def command(self, command: Command, said: str) -> bool:
        """Send a command; ``said`` is how its answer will be announced."""
        if not self.link.send(command):
            self.say(f"{said}: not sent, since the engine has gone.", "error")
            return False
        if len(self._pending) >= PENDING_MAX:
            self._pending.pop(next(iter(self._pending)))
        self._pending[getattr(command, "id", "")] = (said, time.monotonic())
        return True

    def look(self) -> None:
        """Ask for what is in focus now."""
        self.link.look(self.seen.look())

    def when_market(self, condition_id: str, do: Callable[[MarketView], None]) -> None:
        """Do something as soon as a market's view is here; forgotten when the focus moves on."""
        self._on_market = (condition_id, do)
        self._serve_market()

    def _serve_market(self) -> None:
        market = self.seen.market
        if self._on_market is None or self.seen.condition_id != self._on_market[0]:
            self._on_market = None
        elif market is not None:
            (_, do), self._on_market = self._on_market, None
            do(market)

    def _pulse(self) -> None:
        """Twice a second: what changes by itself, when nothing is said."""
        now = time.monotonic()
        for id, (said, at) in list(self._pending.items()):
            if now - at > ANSWER_WITHIN_S:
                del self._pending[id]
                self.say(
                    f"{said}: no answer for {ANSWER_WITHIN_S:.0f} s; it may have happened or not.",
                    "error",
                )
        self.front.pulse()

    # -- what the panes ask ----------------------------------------------------------------

    def waiting(self, kind: type, sentence: str) -> str:
        """The sentence of a pane whose view has not come, with the cause once it takes long."""
        if self.seen.has(kind):
            return sentence
        keys = self.keymap
        if not self.seen.linked:
            return f"{self.seen.trouble or 'Connecting to the engine.'} {keys.name('quit')} quits."
        waited = self.seen.since(kind)
        if waited > SLOW_S:
            sentence += (
                f" Nothing for {words.age(waited)}: the engine is linked but has not sent it;"
                " the line at the foot says which stream is not live."
            )
        return f"{sentence} {keys.name('search')} finds a market, {keys.name('help')} helps."

    def missing(self, action: Action) -> str:
        """Why an action can't be done now, in a sentence; "" when it can."""
        there = {
            "": True,
            "market": bool(self.seen.condition_id),
            "cards": bool(self.seen.cards()),
            "suggestion": bool(self.seen.open_signals()),
            "holding": bool(self.seen.orders or self.seen.positions),
        }
        if there[action.needs]:
            return ""
        return NEEDS[action.needs].format(search=self.keymap.name("search"))

    def page_names(self) -> list[tuple[str, bool]]:
        """Names of a narrow page's pages, and which one is shown."""
        return self.front.page_names() if self.front.is_attached else []

    def pane_name(self) -> str:
        """The pane that has the keys."""
        return self.front.pane

    def do(self, id: str) -> None:
        """Do an action of the registry, or say why it can't be done."""
        why_not = self.missing(BY_ID[id])
        if why_not:
            self.say(why_not)
        else:
            self.front.do(id)

    async def action_quit(self) -> None:
        """Textual's own quit key asks as ours does; from a card it just leaves."""
        if self.screen is self.front:
            self.do("quit")
        else:
            self.exit(return_code=0)

    def turn_theme(self, name: str = "") -> None:
        """The other edition, or the one named."""
        names = list(PALETTES)
        name = name or names[(names.index(self.theme) + 1) % len(names)]
        self.inks = Inks(PALETTES[name])
        self.theme = name
        self.front.draw_all()
