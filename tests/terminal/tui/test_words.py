"""Numbers and text as they stand on the page."""

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


def test_wrapping_loses_no_word() -> None:
    text = "Alibaba Integrating Qwen into Smart Glasses, Opening New Front"
    assert " ".join(words.wrap(text, 20)).split() == text.split()


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
    assert words.money(9_951_600_000) == "$9,951.60"
    assert words.money(-4_100_000) == "-$4.10"
    assert words.gain(4_100_000) == "+4.10"
    assert words.shares(12_400 * SHARE) == "12,400"
    assert words.shares(12 * SHARE + SHARE // 2) == "12.50"
    assert words.shares(1) == "<0.01"
    assert words.whole_shares(1) == "<1"
    assert words.volume(1_240_000) == "$1.2M"


@pytest.mark.parametrize(
    ("move", "sign", "shown"),
    [
        (0.5, "▲", "+0.5"),
        (-4.2, "▼", "-4.2"),
        (0.04, "–", "0.0"),
        (-0.04, "–", "0.0"),
        (None, "–", "–"),
    ],
)
def test_a_move_has_its_sign(move: float | None, sign: str, shown: str) -> None:
    assert words.glyph(move) == sign
    assert words.points(move) == shown


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
