"""What the parts of the face tell one another.

The link's worker tells the app facts, in the past tense, the newest replacing the rest. Panes and
cards ask the page for what is not theirs to do: they know these shapes, and nobody above them.
"""

from collections.abc import Callable

from textual.message import Message

from terminal.protocol.views import Done, Rows, TicketView, Toast, View

Answer = Done | Rows | TicketView | Toast


class ViewSeen(Message):
    """The newest picture of one kind; an older one still queued may go unseen."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view

    def can_replace(self, message: Message) -> bool:
        """A newer picture of the same kind takes the older one's place."""
        return isinstance(message, ViewSeen) and type(message.view) is type(self.view)


class AnswerCame(Message):
    """The engine answered a command, a query or a preview, or has something to say."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class LinkOpened(Message):
    """The engine answers."""

    def __init__(self, engine_version: str) -> None:
        super().__init__()
        self.engine_version = engine_version


class LinkLost(Message):
    """The engine can't be reached; ``tries`` counts since it last answered."""

    def __init__(self, sentence: str, tries: int, again_s: float) -> None:
        super().__init__()
        self.sentence, self.tries, self.again_s = sentence, tries, again_s


class Do(Message):
    """Do an action of the registry, by its id."""

    def __init__(self, id: str) -> None:
        super().__init__()
        self.id = id


class GoTo(Message):
    """Give the keys to a pane."""

    def __init__(self, pane: str) -> None:
        super().__init__()
        self.pane = pane


class ShowStory(Message):
    """Put a story in focus."""

    def __init__(self, story_id: str) -> None:
        super().__init__()
        self.story_id = story_id


class ShowMarket(Message):
    """Put a market in focus; ``then`` gives the keys to a pane."""

    def __init__(self, condition_id: str, then: str = "") -> None:
        super().__init__()
        self.condition_id, self.then = condition_id, then


class OpenTicket(Message):
    """A ticket, once its market is in view; without a market, for the one in focus.

    ``swapped`` is a ticket for the second outcome; ``asset_id``, where it is known, says which one
    it is for. ``price`` is in 1/10,000 dollar, 0 for the best one.
    """

    def __init__(
        self,
        side: str,
        *,
        condition_id: str = "",
        swapped: bool = False,
        asset_id: str = "",
        price: int = 0,
    ) -> None:
        super().__init__()
        self.side, self.condition_id, self.price = side, condition_id, price
        self.swapped, self.asset_id = swapped, asset_id


class Confirm(Message):
    """Ask whether something is meant, and do it if so."""

    def __init__(
        self, title: str, sentences: tuple[str, ...], yes: str, then: Callable[[], object]
    ) -> None:
        super().__init__()
        self.title, self.sentences, self.yes, self.then = title, sentences, yes, then


class TurnTheme(Message):
    """The other edition, or the one named."""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.name = name
