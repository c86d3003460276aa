"""The registry: every action has a key, a place in the palette, in help, and words of its own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from terminal.protocol.views import AnswerSuggestion, CancelOrder, Kill, Unrelate
from terminal.tui.actions import ACTIONS, KeyMap, KeysError
from terminal.tui.screens.card import Ask
from terminal.tui.screens.front import FrontPage
from terminal.tui.screens.help import Help, Messages
from terminal.tui.screens.palette import Palette, commands_of
from terminal.tui.screens.search import Search
from terminal.tui.screens.ticket_screen import TicketCard
from terminal.tui.widgets.article import Article
from terminal.tui.widgets.blotter import Blotter
from terminal.tui.widgets.news import NewsList
from terminal.tui.widgets.pane import Pane
from terminal.tui.widgets.signals import Signals
from tests.terminal.tui.stage import Stage, stage
from tests.terminal.tui.test_journeys import resting

on_top: Callable[[type], Callable[[Stage], bool]] = lambda kind: (  # noqa: E731
    lambda it: isinstance(it.app.screen, kind)
)
said: Callable[[type], Callable[[Stage], bool]] = lambda kind: (  # noqa: E731
    lambda it: bool(it.engine.said(kind))
)

PROOF: dict[str, tuple[str, Callable[[Stage], bool]]] = {
    # action: the pane it starts from, and what shows that it was done
    "down": ("news", lambda it: it.app.front.news.chosen == "s-h20"),
    "up": ("blotter", lambda it: bool(it.app.front.get("blotter").chosen)),
    "top": ("blotter", lambda it: bool(it.app.front.get("blotter").chosen)),
    "bottom": ("news", lambda it: it.app.front.news.chosen == "s-gemini"),
    "page_down": ("news", lambda it: it.app.front.news.chosen not in ("", "s-qwen")),
    "page_up": ("signals", lambda it: bool(it.app.front.get("signals").chosen)),
    "open": ("news", lambda it: it.app.front.pane == "article"),
    "next_pane": ("news", lambda it: it.app.front.pane == "article"),
    "previous_pane": ("article", lambda it: it.app.front.pane == "news"),
    "back": ("article", lambda it: it.app.front.pane == "news"),
    "market": ("news", lambda it: it.app.seen.condition_id == "m-alibaba"),
    "swap": ("news", lambda it: it.app.seen.swapped),
    "sort": ("news", lambda it: it.app.front.news.by_weight),
    "unrelated": ("news", said(Unrelate)),
    "related": ("news", lambda it: any(not one.on for one in it.engine.said(Unrelate))),
    "search": ("news", on_top(Search)),
    "copy": ("news", lambda it: bool(it.app.clipboard)),
    "buy": ("news", on_top(TicketCard)),
    "sell": ("news", on_top(TicketCard)),
    "accept": ("news", on_top(Ask)),
    "dismiss": ("news", said(AnswerSuggestion)),
    "cancel": ("news", said(CancelOrder)),
    "kill": ("news", said(Kill)),
    "messages": ("news", on_top(Messages)),
    "theme": ("news", lambda it: it.app.theme == "ink"),
    "palette": ("news", on_top(Palette)),
    "help": ("news", on_top(Help)),
    "quit": ("news", on_top(Ask)),  # an order is open
}


def test_there_is_a_proof_for_every_action_and_somebody_who_answers_it() -> None:
    assert set(PROOF) == {action.id for action in ACTIONS}
    answered = {
        name.removeprefix("do_")
        for who in (FrontPage, Pane, NewsList, Article, Signals, Blotter)
        for name in vars(who)
        if name.startswith("do_")
    }
    assert answered == set(PROOF)


def test_every_action_says_what_it_does() -> None:
    for action in ACTIONS:
        assert action.label
        assert len(action.help.split()) >= 3, action.id


async def ready(it: Stage, pane: str) -> None:
    it.engine.orders["0xabc"] = resting(it)
    await it.until(lambda: it.app.seen.orders, "the order")
    it.app.front.go(pane)
    await it.idle()


@pytest.mark.parametrize("id", list(PROOF))
async def test_every_action_is_done_by_its_key(tmp_path: Path, id: str) -> None:
    pane, proof = PROOF[id]
    async with stage(tmp_path) as it:
        await ready(it, pane)
        if id == "related":
            await it.press(it.app.model.keymap.keys["unrelated"][0])
        await it.press(it.app.model.keymap.keys[id][0])
        await it.until(lambda: proof(it), f"what {id} does")


async def test_every_action_is_offered_by_the_palette_and_done_from_there(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await ready(it, "news")
        done: list[str] = []
        it.app.front.do = done.append  # type: ignore[method-assign, assignment]
        wanted = [action for action in ACTIONS if action.id != "palette"]
        for action in wanted:
            hits = [
                hit async for hit in commands_of(it.app.model)(it.app.screen).search(action.help)
            ]
            best = max(hits, key=lambda hit: hit.score)
            best.command()
            await it.until(partial(done.__contains__, action.id), action.id)
        assert done == [action.id for action in wanted]


async def test_the_palette_opens_finds_and_trades_a_market(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("ctrl+p")
        await it.until(lambda: isinstance(it.app.screen, Palette), "the palette")
        await it.press(*"buyh20")
        await it.sees("Buy: Will H20 chips be sold to China")
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.screen, TicketCard), "a ticket")
        assert it.app.seen.condition_id == "m-h20"


async def test_help_lists_every_action_and_every_key(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(120, 80)) as it:
        await it.press("question_mark")
        await it.sees("WHAT THE SIGNS MEAN")
        for action in ACTIONS:
            await it.sees(f"  {it.app.model.keymap.names(action.id)} ", action.help[:40])


async def test_keys_can_be_changed(tmp_path: Path) -> None:
    async with stage(tmp_path, keys={"buy": "f5", "down": "h,down"}) as it:
        await it.press("h", "b")
        assert it.app.front.news.chosen == "s-h20"
        assert it.app.screen is it.app.front
        await it.press("f5")
        await it.until(lambda: isinstance(it.app.screen, TicketCard), "a ticket")


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"buy": "s"}, "'buy' and 'sell' are both on 's'"),
        ({"swap": "/"}, "'swap' and 'search' are both on '/'"),
        ({"by": "f5"}, "keys.by: there is no such action; did you mean 'buy'?"),
        ({"buy": " , "}, "keys.buy: no key is given"),
        ({"[/bold]": "f5"}, r"keys.\[/bold\]: there is no such action"),
    ],
)
def test_a_key_map_that_cannot_be_used_is_refused(wishes: dict[str, str], said: str) -> None:
    with pytest.raises(KeysError, match=said):
        KeyMap(wishes)


async def test_the_key_line_shows_only_keys_that_can_be_used(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(200, 60)) as it:
        foot = it.text().splitlines()[-1]
        assert "a accept" in foot
        assert "x cancel" not in foot
        it.engine.empty = True
        await it.until(lambda: "accept" not in it.text().splitlines()[-1], "the key to go")
