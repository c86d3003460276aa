"""The page itself: hostile text, sizes, empties, lost links, and what a glance must tell."""

import random
import re
from functools import partial
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from terminal.protocol.link import LinkServer, Peer
from terminal.protocol.views import ArticleView, BookView, NewsView, StreamView
from terminal.tui import run, words
from terminal.tui.app import FitToTrade
from terminal.tui.model import PAGES
from terminal.tui.widgets.pane import Pane
from tests.terminal.tui.scripted import HOSTILE, SHARE, VERSION, Market, ScriptedEngine
from tests.terminal.tui.stage import Stage, stage

SIZES = [(80, 24), (120, 40), (200, 60)]


def has_the_keys(it: Stage, pane: Pane) -> bool:
    """Whether a pane is focused and stands on the screen."""
    return it.app.focused is pane and pane.region.area > 0


def stands(it: Stage, pattern: re.Pattern[str]) -> bool:
    """Whether the pattern stands on the screen."""
    return pattern.search(it.text()) is not None


def well_set(it: Stage) -> None:
    """Every line is as wide as the screen and holds nothing that moves a cursor."""
    width, _ = it.app.size
    for line in it.text().splitlines():
        assert cell_len(line) == width, line
        assert line.isprintable(), line


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["newsprint", "ink"])
async def test_the_page_is_set_at_every_size(
    tmp_path: Path, size: tuple[int, int], theme: str
) -> None:
    async with stage(tmp_path, size=size, theme=theme) as it:
        well_set(it)
        text = it.text()
        assert "PAPER · practice · 14:02" in text
        assert "NEWS" in text
        assert "$9,951.60" in text
        assert "? help" in text.splitlines()[-1]


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_headlines_stand_there_as_text(tmp_path: Path, size: tuple[int, int]) -> None:
    engine = ScriptedEngine(tmp_path)
    for n, title in enumerate(HOSTILE):
        engine.add_story(f"hostile-{n}", title, ("m-china",), source=title[:30])
    async with stage(tmp_path, size=size, engine=engine) as it:
        for _ in HOSTILE:
            well_set(it)
            await it.press("j")
        assert it.app.return_code is None


async def test_markup_is_never_read_anywhere(tmp_path: Path) -> None:
    evil = "[/bold] [red]x[/] [/"
    engine = ScriptedEngine(tmp_path)
    engine.add_story("evil", evil, ("m-china",), source=evil)
    market = engine.markets["m-china"]
    market.question, market.reason, market.state = evil, evil, "frozen"
    engine.signals[0] = msgspec.structs.replace(
        engine.signals[0], strategy=evil, question=evil, reason=evil, outcome=evil
    )
    engine.streams = (StreamView(name=evil, state="down", sentence=evil),)
    engine.denial = evil
    async with stage(tmp_path, size=(200, 60), engine=engine) as it:
        await it.sees("[/bold] [red]x[/] [/")
        await engine.toast(evil, evil, "error")
        await it.until(lambda: it.app.notices, "the toast")
        for key in ("a", "escape", "b", "escape", "slash", "[", "/", "escape", "l", "escape", "y"):
            await it.press(key)
            await it.idle()
            assert it.app.return_code is None
        await engine.toast(evil * 20, evil, "error")  # too long for the rule: a card in the corner
        await it.until(lambda: len(it.app.notices) > 1, "the second toast")
        await it.press("ctrl+p", *"evil", "[")
        await it.idle()
        await it.press("escape")
        assert it.app.return_code is None


async def test_three_hundred_sizes_keep_focus_and_choice(tmp_path: Path) -> None:
    chance = random.Random(5)
    async with stage(tmp_path, engine=ScriptedEngine(tmp_path, hz=4)) as it:
        await it.press("j")
        it.app.front.go("book")
        await it.until(lambda: it.app.focused is it.app.front.get("book"), "the focus")
        taken = set()
        for _ in range(300):
            it.resize(chance.randrange(1, 240), chance.randrange(1, 80))
            await it.idle()
            taken.add(it.app.size)
        assert len(taken) > 250
        it.resize(120, 40)
        await it.until(lambda: it.app.size == (120, 40), "the last size")
        await it.idle()
        assert it.app.focused is it.app.front.get("book")
        assert it.app.front.news.chosen == "s-h20" == it.app.seen.story_id
        await it.until(lambda: it.shows("Export licences"), "the page")
        well_set(it)


async def test_thirty_rapid_swaps_of_screens(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        for _ in range(10):
            for keys in (("question_mark",), ("slash", "x"), ("b",), ("l",), ("tab",), ("t",)):
                for key in keys:
                    it.app.simulate_key(key)
                it.app.simulate_key("escape")
        await it.idle()
        for _ in range(5):
            await it.press("escape")
        await it.until(lambda: it.app.screen is it.app.front, "the page")
        assert it.app.return_code is None


async def test_a_screen_too_small_says_so_and_the_page_comes_back(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(50, 18)) as it:
        await it.sees("This screen is 50 by 18.", "PAPER")
        it.resize(80, 24)
        await it.sees("NEWS", "Alibaba Integrating Qwen")


@pytest.mark.parametrize("size", SIZES)
async def test_tab_reaches_every_pane_and_shows_it(tmp_path: Path, size: tuple[int, int]) -> None:
    async with stage(tmp_path, size=size) as it:
        visited = []
        for _ in PAGES:
            pane = it.app.front.get(it.app.front.pane)
            await it.until(partial(has_the_keys, it, pane), f"{pane.id} with the keys")
            visited.append(pane.id)
            well_set(it)
            await it.press("tab")
        assert visited == list(PAGES)


@pytest.mark.parametrize("size", SIZES)
async def test_no_number_is_cut(tmp_path: Path, size: tuple[int, int]) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.held = {"m-china:yes": 1_234_567_890 * SHARE}
    async with stage(tmp_path, size=size, engine=engine) as it:
        it.engine.moving = False
        it.app.front.go("blotter")
        await it.until(lambda: it.app.front.get("blotter").region.height > 2, "the blotter")
        await it.sees("1,234,567,890 YES", "23.1")
        value = it.app.seen.positions[0].value
        await it.sees(f"${value / 1e6:,.2f}")


@pytest.mark.parametrize("pane", list(PAGES))
async def test_an_empty_pane_says_what_it_waits_for_and_names_a_key(
    tmp_path: Path, pane: str
) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.empty, engine.stories = True, []
    async with stage(tmp_path, size=(120, 40), engine=engine, full=False) as it:
        await it.until(lambda: it.app.seen.blotter, "the views")
        it.app.front.go(pane)
        await it.idle()
        sentence = it.app.front.get(pane).empty()
        keys = {
            it.app.model.keymap.name(a) for a in ("search", "buy", "help", "down", "market", "quit")
        }
        assert len(sentence.split()) >= 5
        said = {word.strip(".,;:") for word in sentence.split()}
        assert keys & said, sentence
        first = " ".join(sentence.split()[:3])
        await it.sees(first)


async def test_without_an_engine_the_page_says_so_and_the_engine_is_found_later(
    tmp_path: Path,
) -> None:
    app = FitToTrade(tmp_path, VERSION)
    engine = ScriptedEngine(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        it = Stage(engine, app, pilot)
        await it.sees("The engine is starting.")
        assert not it.shows("has gone"), "nothing has gone that was never there"
        await engine.start()
        try:
            await it.settle()
            await it.sees("All the news that's fit to trade", "Alibaba Integrating Qwen")
        finally:
            await engine.close()


async def test_a_lost_engine_dims_the_page_and_comes_back(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)
    async with stage(tmp_path, engine=engine) as it:
        await engine.close()
        await it.sees("The engine has gone", "was live, ", "nothing heard for ")
        assert it.app.seen.old
        assert not it.shows(" live 0.")
        await it.press("K")
        await it.sees("not sent, since the engine has gone")
        again = ScriptedEngine(tmp_path)
        await again.start()
        try:
            await it.sees("All the news that's fit to trade")
            assert not it.app.seen.old
        finally:
            await again.close()


async def test_nonsense_from_the_engine_is_a_lost_link_not_a_crash(tmp_path: Path) -> None:
    async def rude(peer: Peer) -> None:
        peer._writer.write((5).to_bytes(4, "big") + b"\xc1\xc1\xc1\xc1\xc1")

    server = LinkServer(tmp_path, VERSION, rude)
    await server.start()
    app = FitToTrade(tmp_path, VERSION)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            it = Stage(ScriptedEngine(tmp_path), app, pilot)
            await it.sees("The engine has gone: nothing here is live.")
            assert app.return_code is None
    finally:
        await server.close()


async def test_a_frozen_book_says_so_in_words_and_fades(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        market = it.engine.markets["m-china"]
        market.state, market.age_s = "frozen", 41.0
        market.reason = "Book frozen for 41 s: trading here is off; reconnecting (2nd try)."
        await it.sees("frozen 41 s", "Book frozen for 41 s")


async def test_a_one_sided_book_is_shown_as_such(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.markets["m-china"].one_sided = True
        await it.sees("one-sided: no midpoint", "no bids: nobody buys here now")


async def test_direction_is_told_by_a_sign_not_by_colour_alone(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.moving = False
        for row in it.engine.news().rows[:6]:  # what stands on the screen
            if row.links and row.points is not None and abs(row.points) >= 0.05:
                sign, full, hollow = ("+", "▲", "△") if row.points > 0 else ("-", "▼", "▽")
                glyph = full if row.verdict in words.TELLING else hollow
                moved = f"{sign}{abs(row.points):.1f}"
                pattern = re.compile(rf"{glyph} +[0-9.]+ +{re.escape(moved)}")
                await it.until(partial(stands, it, pattern), f"{glyph} {moved}")


async def test_a_link_that_a_judge_had_a_say_in_names_it_on_the_card(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.judge = "tiny-1"
    async with stage(tmp_path, engine=engine) as it:
        await it.sees(
            "reports on this and judged by tiny-1", "also touches 2 markets, judged by tiny"
        )


async def test_what_to_know_of_a_market_before_trading_stands_on_its_card(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.remarks = ("the outcome is disputed: no orders",)
    async with stage(tmp_path, engine=engine) as it:
        await it.sees("the outcome is disputed: no orders")


async def test_sick_streams_are_named_in_words(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.streams = (
            StreamView(name="news", state="live"),
            StreamView(name="market", state="stale", sentence="nothing for 41 s", age_s=41.0),
        )
        await it.sees("market stale: nothing for 41 s")


async def test_the_same_trouble_is_said_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        for _ in range(5):
            await it.engine.toast("The feed of Example Wire answers 500.", level="error")
        await it.engine.toast("The end.")
        await it.until(
            lambda: it.app.notices and it.app.notices[-1].sentence == "The end.", "the last"
        )
        assert [n.sentence for n in it.app.notices].count(
            "The feed of Example Wire answers 500."
        ) == 1


async def test_changed_numbers_are_underlined_for_a_moment(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        it.engine.moving = False
        blotter = it.app.front.get("status")
        changes = blotter.changes
        assert changes.mark("x", "1") == ""
        assert changes.mark("x", "1") == ""
        assert changes.mark("x", "2") == " under"
        assert changes.mark("x", "2") == " under"


async def test_a_picture_is_saved_and_calls_no_other_host(tmp_path: Path) -> None:
    from terminal.tui.screenshot import save

    async with stage(tmp_path) as it:
        save(it.app, tmp_path / "page.svg")
    svg = (tmp_path / "page.svg").read_text(encoding="utf-8")
    assert "Alibaba" in svg
    assert "@font-face" not in svg
    assert "http" not in svg.replace("http://www.w3.org", "").replace(
        "https://www.textualize.io", ""
    )


def test_an_unknown_theme_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="known are newsprint, ink"):
        run(tmp_path, VERSION, theme="pink")


async def test_without_colour_the_page_is_grey_and_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage(tmp_path) as it:
        strips = it.app.screen._compositor.render_strips(it.app.size)
        styles = {segment.style for strip in strips for segment in strip if segment.style}
        for style in styles:
            for colour in (style.color, style.bgcolor):
                if colour is not None and colour.triplet is not None:
                    assert len(set(colour.triplet)) == 1, style
        assert it.shows("▲")


async def test_a_click_chooses_and_a_second_one_opens(tmp_path: Path) -> None:
    async with stage(tmp_path) as it:
        await it.pilot.click("#news", offset=(4, 7))
        await it.until(lambda: it.app.seen.story_id == "s-h20", "the choice")
        await it.pilot.click("#news", offset=(4, 7))
        await it.until(lambda: it.app.front.pane == "article", "the article")


async def test_a_narrow_page_makes_room_for_an_alarm(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(80, 24)) as it:
        await it.press("K")
        await it.sees("KILL SWITCH: no order is taken; open ones are cancelled. K resumes (asks).")
        await it.sees("PAPER · practice", "KILLED")


class Eastern(ScriptedEngine):
    """Chinese headlines, sources, questions and outcomes, and the widest numbers there are."""

    def news(self) -> NewsView:
        told = super().news()
        rows = tuple(
            msgspec.structs.replace(
                row, source="量子位人工智能新闻网站", sources=4, odds=1.0, points=-31.4
            )
            for row in told.rows
        )
        return msgspec.structs.replace(told, rows=rows)

    def article(self, story_id: str) -> ArticleView | None:
        article = super().article(story_id)
        if article is None:
            return None
        question = "阿里巴巴的通义千问模型会在今年十二月三十一日之前登上排行榜的第一名吗?"
        cards = tuple(msgspec.structs.replace(card, question=question) for card in article.cards)
        return msgspec.structs.replace(article, cards=cards, links=12, source="量子位")

    def _book(self, market: Market, outcome: str) -> BookView:
        named = "阿里巴巴通义千问" if outcome == "YES" else "没有"
        return msgspec.structs.replace(super()._book(market, outcome), outcome=named)


@pytest.mark.parametrize("size", SIZES)
async def test_wide_letters_push_no_number_out_of_its_column(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with stage(tmp_path, size=size, engine=Eastern(tmp_path)) as it:
        it.engine.moving = False
        await it.until(partial(stands, it, re.compile(r"… \+3 +[△▽▲▼] 100\.0 -31\.4")))
        assert not stands(it, re.compile(r"\S(no link|-31\.4)"))
        assert not stands(it, re.compile(r"sell\d"))
        if size[0] > 80:
            await it.sees("300 shares held")
        well_set(it)


async def unfold(it: Stage) -> None:
    """Open what the story in focus merely touches."""
    article = it.app.front.get("article")
    await it.until(lambda: "fold" in article.keys, "the fold")
    article.choose("fold")
    await it.press("enter")
    await it.sees("▾ also touches")


async def test_what_a_story_merely_touches_is_folded_and_opened_by_a_key(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(120, 60)) as it:
        it.engine.moving = False
        it.app.front.go("article")
        await it.sees("▸ also touches")
        hidden = [key for key in it.app.front.get("article").keys if key not in ("fold", "")]
        assert len(hidden) == 1, "only the market on whose question it reports"
        await unfold(it)
        assert len(it.app.front.get("article").keys) > 2
        await it.press("enter")
        await it.sees("▸ also touches")


@pytest.mark.parametrize("size", SIZES)
async def test_a_related_market_says_in_words_how_its_move_stands(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with stage(tmp_path, size=size, engine=Eastern(tmp_path)) as it:
        it.app.front.go("article")
        await unfold(it)
        for _ in range(40):
            if it.shows("and 9 more, less sure"):
                break
            await it.press("j")
        text = it.text()
        assert "and 9 more, less sure" in text
        assert "within the noise" in text[: text.index("and 9 more")].splitlines()[-2]
