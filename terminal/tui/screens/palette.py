"""The command palette: every action that makes sense now, every story, every market on the page."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar, NamedTuple

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.message import Message

from terminal.tui import words
from terminal.tui.actions import ACTIONS
from terminal.tui.messages import Do, OpenTicket, ShowMarket, ShowStory, TurnTheme
from terminal.tui.model import Model
from terminal.tui.screens.card import PutAwayOnce
from terminal.tui.theme import PALETTES

STORIES_MAX = 200


class Offer(NamedTuple):
    """Something to do. ``help`` is our own words only: the palette reads it as markup."""

    name: str
    help: str
    do: Callable[[], object]


class Palette(PutAwayOnce, CommandPalette):
    """Textual's palette over our commands."""

    def __init__(self, model: Model) -> None:
        super().__init__([commands_of(model)], placeholder="an action, a story, a market")


class FaceCommands(Provider):
    """Actions first, then markets to trade and see, stories, themes."""

    model: ClassVar[Model]

    async def discover(self) -> Hits:
        for offer in self._actions():
            yield DiscoveryHit(Content(offer.name), offer.do, text=offer.name, help=offer.help)

    async def search(self, query: str) -> Hits:
        fuzzy = FuzzySearch()
        style = self.matcher_style
        for offer in (*self._actions(), *self._themes(), *self._markets(), *self._stories()):
            score, places = fuzzy.match(query, offer.name)
            if score > 0:
                name = Content(offer.name)
                for at in places:
                    name = name.stylize(style, at, at + 1)
                yield Hit(score, name, offer.do, text=offer.name, help=offer.help)

    @property
    def matcher_style(self) -> str:
        """How matched letters stand out."""
        return "bold underline"

    def _actions(self) -> Iterator[Offer]:
        model = self.model
        for action in ACTIONS:
            if action.id != "palette" and not model.missing(action):
                keys = model.keymap.names(action.id).replace("[", r"\[")
                name = f"{action.id.replace('_', ' ').capitalize()}: {action.help}"
                yield Offer(name, f"key {keys}", self._asks(Do(action.id)))

    def _asks(self, message: Message) -> Callable[[], object]:
        """Ask the page, once the palette is away."""
        return partial(self.screen.post_message, message)

    def _themes(self) -> Iterator[Offer]:
        for name in PALETTES:
            yield Offer(f"Theme: {name}", "the edition's colours", self._asks(TurnTheme(name)))

    def _markets(self) -> Iterator[Offer]:
        seen = self.model.seen
        known = {card.condition_id: card.question for card in seen.cards()}
        known |= (
            {row.lead_condition_id: row.lead_question for row in seen.news.rows if row.links}
            if seen.news
            else {}
        )
        known |= {row.condition_id: row.question for row in seen.positions}
        for condition_id, question in known.items():
            question = words.plain(question)
            yield Offer(
                f"Market: {question}", "put it in focus", self._asks(ShowMarket(condition_id))
            )
            for side in ("buy", "sell"):
                yield Offer(
                    f"{side.capitalize()}: {question}",
                    "a ticket for this market",
                    self._asks(OpenTicket(side, condition_id=condition_id)),
                )

    def _stories(self) -> Iterator[Offer]:
        rows = self.model.seen.news.rows if self.model.seen.news else ()
        for row in rows[:STORIES_MAX]:
            name = f"Story: {words.plain(row.title)}"
            yield Offer(name, "open it", self._asks(ShowStory(row.id)))


def commands_of(model: Model) -> type[FaceCommands]:
    """The commands over one face's state; Textual makes the provider itself, when it is asked."""
    return type("FaceCommands", (FaceCommands,), {"model": model})
