"""Numbers and text as they stand on the page."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from terminal.tui import words
from terminal.tui.theme import GROUNDS, PALETTES, TEXT_COLOURS, Inks, contrast
from tests.terminal.tui.scripted import NOON, SHARE


@given(st.text(max_size=300))
def test_plain_text_is_one_printable_line(text: str) -> None:
    plain = words.plain(text)
    assert plain.isprintable()
    assert "\n" not in plain
    assert words.plain(plain) == plain


@given(st.text(max_size=300), st.integers(2, 60), st.integers(1, 5))
def test_wrapped_lines_fit_their_width(text: str, width: int, most: int) -> None:
    lines = words.wrap(text, width, most)
    assert 1 <= len(lines) <= most
    assert all(cell_len(line) <= width for line in lines)


@given(st.text(max_size=100), st.integers(0, 60))
def test_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    assert cell_len(words.fit(text, width)) == width


@pytest.mark.parametrize("width", [1, 0, -5])
def test_a_page_without_room_ends_all_the_same(width: int) -> None:
    assert len(words.wrap("量子 abc", width, 3)) == 3
    assert words.listed(["量子", "abc"], width)


def test_wrapping_loses_no_word() -> None:
    text = "Alibaba Integrating Qwen into Smart Glasses, Opening New Front"
    assert " ".join(words.wrap(text, 20)).split() == text.split()


@given(st.text("首批产品。，a \u0301", max_size=200), st.integers(2, 20))
def test_a_line_without_spaces_breaks_before_no_full_stop(text: str, width: int) -> None:
    lines = words.wrap(text, width)
    assert "".join(lines).replace(" ", "") == words.plain(text).replace(" ", "")
    for before, line in pairwise(lines):
        started = len(before) > 1 and before[-1] not in words.CLOSING and cell_len(before[-1])
        assert not (started and " " not in text and line[:1] in words.CLOSING), lines


@given(st.lists(st.text("ab 量子", min_size=1, max_size=8), max_size=6), st.integers(4, 30))
def test_listed_facts_fit_and_no_line_begins_with_what_stands_between(
    parts: list[str], width: int
) -> None:
    lines = words.listed(parts, width)
    assert all(cell_len(line) <= width for line in lines)
    assert not any(line.startswith((" ·", "·")) for line in lines)
    told = "".join(lines).replace("·", "").replace(" ", "")
    assert told == "".join(parts).replace(" ", "")


def test_only_a_move_that_tells_something_has_a_full_triangle_and_a_colour() -> None:
    assert words.told(4.2, "clear move") == ("▲", "up")
    assert words.told(-4.2, "market led the story") == ("▼", "down")
    for verdict in ("within the noise", "may be chance", "too early to tell", ""):
        assert words.told(4.2, verdict) == ("△", "ink")
        assert words.told(-4.2, verdict) == ("▽", "ink")
    assert words.told(0.01, "clear move") == ("–", "faint")
    assert words.told(None, "not measurable")[0] == "–"


@pytest.mark.parametrize(
    ("price", "tick", "shown"),
    [
        (2440, 100, "24.4"),
        (2440, 10, "24.4"),
        (2441, 1, "24.41"),
        (50, 50, "0.5"),
        (9990, 10, "99.9"),
    ],
)
def test_prices_are_cents_with_the_decimals_of_their_tick(
    price: int, tick: int, shown: str
) -> None:
    assert words.cents(price, tick) == shown


def test_amounts() -> None:
    assert words.gain(4_100_000) == "+4.10"
    assert words.shares(12_400 * SHARE) == "12,400"
    assert words.shares(12 * SHARE + SHARE // 2) == "12.50"
    assert words.shares(1) == "<0.01"
    assert words.whole_shares(1) == "<1"
    assert words.volume(1_240_000) == "$1.2M"


def test_times() -> None:
    assert words.day(NOON) == "Tue 24 Nov 2026"
    assert words.clock(NOON) == "14:02:11"
    assert words.ago(NOON - 9 * 60 * 10**9, NOON) == "9m"
    assert words.age(41) == "41 s"
    assert words.clock(10**25)  # absurd times are clamped, not a crash


@given(st.floats(0, 1), st.integers(1, 40))
def test_bars_keep_within_their_width(fraction: float, width: int) -> None:
    head, full = words.bar_from_right(fraction, width)
    assert len(head) + len(full) <= width
    assert len(words.bar(fraction, width)) <= width
    if fraction > 0:
        assert words.bar(fraction, width)


def test_a_spark_line_keeps_its_gaps() -> None:
    assert words.spark((0.2, None, 0.3), 10) == "▁ █"
    assert words.spark((None,), 10) == ""


@pytest.mark.parametrize("name", list(PALETTES))
def test_every_text_colour_stands_out_from_every_ground(name: str) -> None:
    palette = PALETTES[name]
    for colour in TEXT_COLOURS:
        for ground in GROUNDS:
            ratio = contrast(getattr(palette, colour), getattr(palette, ground))
            assert ratio >= 4.5, f"{name}: {colour} on {ground} is {ratio:.2f} to 1"
    assert contrast(palette.live_ink, palette.live_ground) >= 4.5


@pytest.mark.parametrize("name", list(PALETTES))
def test_what_is_old_looks_like_nothing_live(name: str) -> None:
    inks = Inks(PALETTES[name])
    for colour in TEXT_COLOURS:
        assert inks(colour, old=True).color == inks("faint").color
    assert inks("live").bgcolor != inks("bold").bgcolor
