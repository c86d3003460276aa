"""The application: one page, a link to the engine, and the cards that lie on the page."""

import asyncio
import contextlib
import signal
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen

from terminal.protocol.views import Done, Rows, TicketView, Toast
from terminal.tui.actions import KeyMap
from terminal.tui.engine_client import EngineClient
from terminal.tui.messages import AnswerCame, Do, LinkLost, LinkOpened, TurnTheme, ViewSeen
from terminal.tui.model import Model
from terminal.tui.notices import SHOWN_FOR_S, Notice, Notices, Severity
from terminal.tui.requests import Requests
from terminal.tui.screens.front import FrontPage, front_page
from terminal.tui.screens.search import Search
from terminal.tui.screens.ticket_screen import TicketCard
from terminal.tui.theme import PALETTES, Inks, themes
from terminal.tui.view_model import ViewModel

_Card = TypeVar("_Card")

FRAME_S = 0.1
"""The page is redrawn for news from the engine at most ten times a second."""
AGES_EVERY_S = 0.5
STARTING_TRIES = 6
"""An engine that starts beside this face answers within so many tries."""
ENDED_BY = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_SEVERITY: dict[str, Severity] = {"warning": "warning", "error": "error"}


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
        seen = ViewModel()
        self.client = EngineClient(folder, version, self._post)
        notices = Notices(seen, self._show_notice)
        requests = Requests(self.client, seen, notices)
        keymap, inks = KeyMap(keys), Inks(PALETTES[theme])
        self.model = Model(seen, keymap, inks, notices, requests, engine_stops)
        self.theme = theme
        self._met = False
        self._waiting_for_frame = False
        self._last_frame = 0.0
        self._fresh: set[type] = set()
        self.front: FrontPage = front_page(keymap)(self.model)

    @property
    def seen(self) -> ViewModel:
        return self.model.seen

    @property
    def notices(self) -> deque[Notice]:
        """What was said, the newest last."""
        return self.model.notices.all

    def get_default_screen(self) -> Screen[object]:
        return self.front

    def on_mount(self) -> None:
        for number in ENDED_BY:  # unhandled, they would leave the terminal to its mouse and page
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                # where signals reach no loop, or the page runs on a thread of its own
                end = partial(self.exit, return_code=128 + number)
                asyncio.get_running_loop().add_signal_handler(number, end)
        self.run_worker(self.client.keep(), name="link", group="link")
        self.set_interval(AGES_EVERY_S, self._age)

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
            self.model.requests.lose()
        self.front.draw_all()

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
        taken = [card for card in self._cards(TicketCard) if card.take_done(done)]
        self.model.requests.answered(done, announce=not taken or done.outcome == "done")

    def _toast(self, toast: Toast) -> None:
        text = " · ".join(part for part in (toast.title, toast.body) if part)
        self.model.notices.say(text, _SEVERITY.get(toast.level, "information"))

    def _show_notice(self, notice: Notice) -> None:
        """On the rule; trouble that is too long for it stands in the corner."""
        if notice.level != "information" and not notice.fits(self.size.width):
            self.notify(notice.sentence, severity=notice.level, timeout=SHOWN_FOR_S, markup=False)
        elif self.front.is_attached:
            self.front.draw_rule()

    # -- what the page asks ----------------------------------------------------------------

    @on(Do)
    def _do(self, message: Do) -> None:
        """A card asks for what only the page can do."""
        self.front.do(message.id)

    @on(TurnTheme)
    def _turn_theme(self, message: TurnTheme) -> None:
        names = list(PALETTES)
        name = message.name or names[(names.index(self.theme) + 1) % len(names)]
        self.model.inks = Inks(PALETTES[name])
        self.theme = name
        self.front.draw_all()

    async def action_quit(self) -> None:
        """Textual's own quit key asks as ours does; from a card it just leaves."""
        if self.screen is self.front:
            self.front.do("quit")
        else:
            self.exit(return_code=0)

    def _age(self) -> None:
        """Twice a second: what changes by itself, when nothing is said."""
        self.model.requests.complain()
        self.front.draw_aging()
