"""The one registry of what a person can do: bindings, key line, help and palette read it."""

import difflib
from collections.abc import Mapping
from typing import NamedTuple

from textual.binding import Binding

from terminal.tui.words import plain


class Action(NamedTuple):
    """One thing to do. ``needs`` names what must be there first, ``line`` where its key shows."""

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: str
    needs: str = ""
    line: tuple[str, ...] = ()


class KeysError(ValueError):
    """A key map that can't be used; the message names the actions and the fix."""


MOVE, READ, TRADE, HOUSE = "Moving", "Reading", "Trading", "The house"
_LISTS = ("news", "article", "prints", "siblings", "signals", "blotter")
ANY = ("*",)

ACTIONS: tuple[Action, ...] = (
    Action("down", ("j", "down"), "move", "One entry down", MOVE, line=ANY),
    Action("up", ("k", "up"), "move", "One entry up", MOVE),
    Action("top", ("g", "home"), "top", "To the first entry", MOVE),
    Action("bottom", ("G", "end"), "bottom", "To the last entry", MOVE),
    Action("page_down", ("ctrl+d", "pagedown"), "page down", "Half a page down", MOVE),
    Action("page_up", ("ctrl+u", "pageup"), "page up", "Half a page up", MOVE),
    Action(
        "open",
        ("enter",),
        "open",
        "Open what is chosen: a story, a market, a price in the book, a position",
        MOVE,
        line=(*_LISTS, "book", "other"),
    ),
    Action("next_pane", ("tab",), "next pane", "To the next pane", MOVE, line=ANY),
    Action("previous_pane", ("shift+tab",), "pane before", "To the pane before", MOVE),
    Action("back", ("escape",), "back", "One step back", MOVE),
    Action(
        "market",
        ("m",),
        "market",
        "The next market that this story touches",
        READ,
        needs="cards",
        line=("news", "article", "book"),
    ),
    Action(
        "swap",
        ("o",),
        "YES or NO",
        "Swap the books of YES and NO",
        READ,
        needs="market",
        line=("book",),
    ),
    Action("sort", ("n",), "sort", "News by time or by weight", READ, line=("news",)),
    Action("search", ("slash",), "search", "Find a story or a market by its words", READ, line=ANY),
    Action(
        "unrelated",
        ("u",),
        "not related",
        "This market has nothing to do with this story: it is linked no more",
        READ,
        needs="cards",
        line=("article",),
    ),
    Action("related", ("U",), "related after all", "Take back the last “not related”", READ),
    Action("copy", ("y",), "copy", "Copy what is chosen: headline, order id, asset id", READ),
    Action(
        "buy",
        ("b",),
        "buy",
        "A ticket to buy in the market in focus",
        TRADE,
        needs="market",
        line=("news", "article", "book", "other", "prints", "siblings"),
    ),
    Action(
        "sell",
        ("s",),
        "sell",
        "A ticket to sell in the market in focus",
        TRADE,
        needs="market",
        line=("news", "article", "book", "other", "prints", "siblings"),
    ),
    Action(
        "accept",
        ("a",),
        "accept",
        "Accept the chosen suggestion (asks first)",
        TRADE,
        needs="suggestion",
        line=("news", "article", "signals"),
    ),
    Action(
        "dismiss",
        ("d",),
        "dismiss",
        "Dismiss the chosen suggestion",
        TRADE,
        needs="suggestion",
        line=("signals",),
    ),
    Action(
        "cancel",
        ("x",),
        "cancel",
        "Cancel the chosen order; on a position, a ticket that closes it",
        TRADE,
        needs="holding",
        line=("blotter", "book"),
    ),
    Action(
        "kill",
        ("K",),
        "kill switch",
        "Cancel everything and take no more orders; once pulled, resume (asks first)",
        TRADE,
        line=("blotter",),
    ),
    Action("messages", ("l",), "messages", "What was said lately, in full", HOUSE),
    Action("theme", ("t",), "paper or ink", "Change between the light and the dark edition", HOUSE),
    Action(
        "palette",
        ("ctrl+p",),
        "everything",
        "Every action, story and market by name",
        HOUSE,
        line=ANY,
    ),
    Action(
        "help", ("question_mark",), "help", "All keys, and what the signs mean", HOUSE, line=ANY
    ),
    Action("quit", ("q",), "quit", "Leave the terminal", HOUSE, line=ANY),
)
BY_ID = {action.id: action for action in ACTIONS}

NEEDS = {
    "market": "No market is in focus: choose a story that touches one, or find one with {search}.",
    "cards": "This story touches no market: choose another, or find a market with {search}.",
    "suggestion": "No suggestion is open: strategies post them under SIGNALS.",
    "holding": "There is nothing to cancel or close: no order is open and nothing is held.",
}
"""Why an action can't be done now, and what helps."""

_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "enter": "⏎",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "shift+tab": "⇧tab",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
}
_SPELLED = {"?": "question_mark", "/": "slash", "esc": "escape", "return": "enter", " ": "space"}


def key_name(key: str) -> str:
    """A key as it is printed on the page."""
    return _NAMES.get(key, key)


class KeyMap:
    """Which keys do what, after the user's own wishes.

    ``wishes`` maps an action's id to a key or to several with commas. Raises :class:`KeysError`
    for an unknown action, an empty key, or a key claimed twice.
    """

    def __init__(self, wishes: Mapping[str, str] | None = None) -> None:
        self.keys: dict[str, tuple[str, ...]] = {a.id: a.keys for a in ACTIONS}
        for name, wish in (wishes or {}).items():
            self.keys[self._known(name)] = _parse(name, wish)
        self._refuse_clashes()

    @staticmethod
    def _known(name: str) -> str:
        if name in BY_ID:
            return name
        near = difflib.get_close_matches(name, BY_ID, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "known are " + ", ".join(BY_ID)
        raise KeysError(f"keys.{plain(name)[:60]}: there is no such action; {hint}")

    def _refuse_clashes(self) -> None:
        owner: dict[str, str] = {}
        for action, keys in self.keys.items():
            for key in keys:
                if key in owner:
                    raise KeysError(
                        f"keys: {owner[key]!r} and {action!r} are both on {key_name(key)!r};"
                        " give one of them another key"
                    )
                owner[key] = action

    def name(self, action: str) -> str:
        """The first key of an action, as printed."""
        return key_name(self.keys[action][0])

    def names(self, action: str) -> str:
        """All keys of an action, as printed."""
        return " ".join(key_name(key) for key in self.keys[action])

    def bindings(self) -> list[Binding]:
        """Textual's bindings for all of it."""
        return [
            Binding(",".join(self.keys[a.id]), f"act('{a.id}')", a.label, id=a.id, tooltip=a.help)
            for a in ACTIONS
        ]


def _parse(name: str, wish: str) -> tuple[str, ...]:
    keys = tuple(_SPELLED.get(k, k) for k in (part.strip() for part in wish.split(",")) if k)
    if not keys:
        raise KeysError(f"keys.{name}: no key is given; name one, such as {BY_ID[name].keys[0]!r}")
    return keys
