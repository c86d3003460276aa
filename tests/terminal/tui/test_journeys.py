"""What a trader does in a day, by keyboard, on the real app over the real link."""

import time
from pathlib import Path

import msgspec
import pytest
from textual import events

from terminal.protocol.views import (
    AnswerSuggestion,
    CancelOrder,
    Done,
    Kill,
    Look,
    OrderRow,
    PlaceOrder,
    Preview,
)
from terminal.tui.screens.card import Ask
from terminal.tui.screens.ticket_screen import TicketCard
from tests.terminal.tui.scripted import SHARE, ScriptedEngine
from tests.terminal.tui.stage import Stage, stage


def ticket(it: Stage) -> TicketCard:
    assert isinstance(it.app.screen, TicketCard)
    return it.app.screen


async def open_ticket(it: Stage, key: str = "b") -> TicketCard:
    await it.press(key)
    await it.until(lambda: isinstance(it.app.screen, TicketCard), "a ticket")
    await it.until(lambda: ticket(it)._current, "a preview")
    return ticket(it)


async def confirmable(it: Stage) -> None:
    """Review the ticket and wait until its question may be answered."""
    await it.press("enter")
    await it.until(lambda: ticket(it).stage == "confirm", "the question")

    await it.held_back()


async def test_from_a_story_to_a_filled_order_in_four_keys(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.moving = False
        await open_ticket(it)
        await confirmable(it)
        await it.sees("BUY 100 YES at ≤")
        await it.sees("y place it with paper money")
        await it.press("y")
        await it.sees("done. 100 filled, 0 rest.")
        (order,) = it.engine.said(PlaceOrder)
        assert isinstance(order, PlaceOrder)
        assert (order.condition_id, order.asset_id, order.side) == ("m-china", "m-china:yes", "buy")
        assert (order.size, order.kind) == (100 * SHARE, "gtc")
        await it.sees("400 YES")


async def test_the_preview_is_the_engines_word(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.moving = False
        card = await open_ticket(it)
        assert card.view is not None
        asked = it.engine.said(Preview)[-1]
        assert isinstance(asked, Preview)
        assert asked.id == card.view.id
        for label in ("fills now", "rests", "cancelled", "average", "slippage", "pays if right"):
            await it.sees(label)
        await it.sees("$100.00")


async def test_a_denial_is_shown_and_cannot_be_confirmed(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.denial = "this order is $2,400.00; the most for one order is $250.00"
        await open_ticket(it)
        await it.sees("Denied: this order is $2,400.00")
        await it.press("enter", "y", "enter", "y")
        assert ticket(it).stage == "edit"
        assert not it.engine.said(PlaceOrder)


async def test_enter_again_and_again_never_confirms(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await open_ticket(it)
        await it.press(*["enter"] * 30)
        await it.until(lambda: ticket(it).stage == "confirm", "the question")

        await it.held_back()
        await it.press(*["enter"] * 30)
        assert ticket(it).stage == "confirm"
        assert not it.engine.said(PlaceOrder)


async def test_the_kill_switch_works_through_an_open_ticket(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await open_ticket(it)
        await it.press("K")
        await it.until(lambda: bool(it.engine.said(Kill)), "the kill switch")
        assert it.engine.said(Kill)[0].on
        assert not it.engine.said(PlaceOrder)


async def test_a_y_typed_ahead_does_not_confirm(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        card = await open_ticket(it)
        card.on_key(_key("enter"))
        card.on_key(_key("y"))
        assert card.stage == "confirm"
        assert not it.engine.said(PlaceOrder)


def _key(name: str) -> events.Key:
    return events.Key(name, name if len(name) == 1 else None)


async def test_any_other_key_at_the_question_means_no(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await open_ticket(it)
        await confirmable(it)
        await it.press("n")
        assert ticket(it).stage == "edit"
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.app.front, "the page")
        assert not it.engine.said(PlaceOrder)


async def test_price_size_side_and_kind_by_keyboard(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.moving = False
        card = await open_ticket(it)
        start = card.ticket.price
        await it.press("up", "up", "down", "2", "5", "0")
        assert card.ticket.price == start + card.ticket.tick
        assert card.ticket.size == 250 * SHARE
        await it.press("l")
        assert card.ticket.is_market
        assert card.ticket.in_dollars
        await it.press("o")
        assert card.ticket.book.outcome == "NO"
        await it.press("o", "s")
        assert (card.ticket.side, card.ticket.size) == ("sell", 300 * SHARE)
        await it.until(lambda: card._current, "a preview of the sale")
        last = it.engine.said(Preview)[-1]
        assert isinstance(last, Preview)
        assert (last.side, last.kind, last.size) == ("sell", "fak", 300 * SHARE)


async def test_a_refused_order_stays_on_the_ticket_with_the_reason(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await open_ticket(it)
        await confirmable(it)
        it.engine.answers = False
        await it.press("y")
        await it.until(lambda: it.engine.said(PlaceOrder), "the order")
        (order,) = it.engine.said(PlaceOrder)
        assert isinstance(order, PlaceOrder)
        sentence = "the market closed a second ago"
        await it.engine.tell(Done(id=order.id, outcome="refused", message=sentence))
        await it.sees("Refused: the market closed a second ago")


async def test_live_money_says_so_in_the_ticket_and_on_the_masthead(tmp_path: Path) -> None:
    async with stage(tmp_path, engine=ScriptedEngine(tmp_path, mode="LIVE")) as it:
        await it.sees(" LIVE  · practice")
        await open_ticket(it)
        await confirmable(it)
        await it.sees("y place it with real money")


async def test_a_suggestion_is_accepted_only_after_a_question(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("a")
        await it.until(lambda: isinstance(it.app.screen, Ask), "a question")
        await it.sees("PAPER · drift: BUY YES 100?")
        ask = it.app.screen
        assert isinstance(ask, Ask)
        ask._shown_at = time.monotonic()
        ask.action_answer(True)  # a y typed before the question could be read
        await it.press("enter", "enter")
        assert it.app.screen is ask
        assert not it.engine.said(AnswerSuggestion)

        await it.held_back()
        await it.press("y")
        await it.until(lambda: it.engine.said(AnswerSuggestion), "the answer")
        await it.sees("Order placed.")


async def test_a_suggestion_is_dismissed_with_one_key(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("d")
        await it.until(lambda: it.engine.said(AnswerSuggestion), "the answer")
        (answer,) = it.engine.said(AnswerSuggestion)
        assert isinstance(answer, AnswerSuggestion)
        assert not answer.accept
        await it.sees("SIGNALS 0 open")


def resting(it: Stage, id: str = "0xabc") -> OrderRow:
    return OrderRow(
        order_id=id,
        at_ns=it.engine.now_ns,
        condition_id="m-china",
        asset_id="m-china:yes",
        question="Will a Chinese AI model become #1 by June 30?",
        outcome="YES",
        side="buy",
        price=2380,
        size=200 * SHARE,
        filled=0,
        kind="gtc",
        state="open",
    )


async def test_an_order_is_cancelled_from_the_blotter(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.orders = {id: resting(it, id) for id in ("0xabc", "0xdef")}
        await it.until(lambda: len(it.app.seen.orders) == 2, "the orders")
        await it.press("x")  # two are open: the blotter opens to choose one
        await it.until(lambda: it.app.front.pane == "blotter", "the blotter")
        await it.press("j", "j", "j", "x")
        await it.until(lambda: it.engine.said(CancelOrder), "the cancel")
        (cancel,) = it.engine.said(CancelOrder)
        assert isinstance(cancel, CancelOrder)
        assert cancel.order_id == "0xdef"


async def test_a_position_is_closed_by_a_ticket_that_sells_it_all(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.app.front.go("blotter")
        await it.press("j", "x")
        await it.until(lambda: isinstance(it.app.screen, TicketCard), "a ticket")
        assert (ticket(it).ticket.side, ticket(it).ticket.size) == ("sell", 300 * SHARE)


async def test_own_orders_stand_in_the_ladder(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.moving = False
        await it.idle()
        market = it.engine.markets["m-china"]
        price = (market.middle - 2) * market.tick
        it.engine.orders["0xabc"] = msgspec.structs.replace(resting(it), price=price)
        await it.sees("◂ 200 yours")


async def test_a_price_in_the_ladder_opens_a_ticket_at_that_price(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.moving = False
        await it.idle()
        it.app.front.go("book")
        await it.press("k", "k", "enter")
        await it.until(lambda: isinstance(it.app.screen, TicketCard), "a ticket")
        market = it.engine.markets["m-china"]
        assert ticket(it).ticket.price == (market.middle + 2) * market.tick
        assert ticket(it).ticket.side == "buy"


async def test_the_kill_switch_takes_one_key_and_resuming_asks(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("K")
        await it.sees("KILL SWITCH: no order is taken")
        await it.press("K")
        await it.until(lambda: isinstance(it.app.screen, Ask), "a question")
        assert len(it.engine.said(Kill)) == 1
        await it.press("escape")


async def test_quitting_asks_only_when_orders_are_open(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.orders["0xabc"] = resting(it)
        await it.until(lambda: it.app.seen.orders, "the order")
        await it.press("q")
        await it.sees("Quit with 1 order open?")
        await it.sees("ftt attach")
        assert it.app.return_code is None


async def test_quitting_without_orders_just_quits(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("q")
        await it.until(lambda: it.app.return_code == 0, "the end")


async def test_search_puts_a_market_in_focus(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("slash", *"hbm4")
        await it.sees("MARKETS 1")
        await it.press("enter")
        await it.until(lambda: it.app.seen.condition_id == "m-hbm4", "the focus")
        await it.sees("Resolves by the leaderboard of the rules.")
        assert it.app.front.pane == "book"
        await it.press("escape", "escape")
        await it.until(lambda: it.app.seen.condition_id == "m-china", "the story again")


async def test_search_finds_stories_too(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("slash", *"capex")
        await it.until(lambda: it.shows("MARKETS") is False and it.shows("STORIES 1"), "one story")
        await it.press("enter")
        await it.until(lambda: it.app.seen.story_id == "s-tsmc", "the story")


async def test_every_pane_shows_the_same_focus(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(200, 60)) as it:
        await it.press("j")
        await it.until(
            lambda: it.app.seen.condition_id == "m-h20" and it.app.seen.full, "the focus"
        )
        await it.until(lambda: it.text().count("Will H20 chips be sold to China again") >= 2)
        assert not it.shows("Qwen assistant")
        looks = it.engine.said(Look)
        assert isinstance(looks[-1], Look)
        assert (looks[-1].story_id, looks[-1].condition_id) == ("s-h20", "m-h20")


async def test_m_walks_through_the_markets_of_the_story(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        visited = [it.app.seen.condition_id]
        for _ in range(3):
            await it.press("m")
            await it.settle()
            visited.append(it.app.seen.condition_id)
        assert visited == ["m-china", "m-alibaba", "m-baidu", "m-china"]
        assert it.app.seen.story_id == "s-qwen"


async def test_a_story_without_a_market_empties_the_book(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("j", "j", "j")
        await it.until(
            lambda: it.app.seen.story_id == "s-cooling" and it.app.seen.full, "the story"
        )
        await it.sees("This story touches no market")
        await it.press("b")
        await it.sees("No market is in focus")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_chosen_story_stays_when_news_comes_in(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with stage(tmp_path, size=size) as it:
        await it.press("j", "j")
        chosen = it.app.front.news.chosen
        for n in range(5):
            it.engine.add_story(f"new-{n}", f"New story number {n} about chips")
        await it.until(lambda: it.app.seen.story("new-4"), "the stories")
        await it.idle()
        assert it.app.front.news.chosen == chosen == it.app.seen.story_id


async def test_new_stories_wait_while_someone_reads_further_down(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(80, 24)) as it:
        await it.press("G")
        await it.until(lambda: it.app.front.news.top > 0, "the end of the list")
        before = it.app.front.news.keys
        for n in range(3):
            it.engine.add_story(f"new-{n}", f"New story number {n} about chips")
        await it.sees("3 new ↑")
        assert it.app.front.news.keys == before
        await it.press("g")
        await it.until(lambda: it.app.front.news.keys[0] == "new-2", "the news")


async def test_y_copies_and_says_what(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.press("y")
        assert "Alibaba Integrating Qwen" in it.app.clipboard
        await it.until(
            lambda: it.app.notices[-1].sentence.startswith("Copied the headline"), "the note"
        )
        it.app.front.go("book")
        await it.press("y")
        assert it.app.clipboard == "m-china:yes"
