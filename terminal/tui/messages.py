"""What the link's worker tells the app: facts in the past tense, the newest replacing the rest."""

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
