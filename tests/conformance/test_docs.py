"""The table in the docs is that of the cards, and every card has its test."""

from pathlib import Path

from tests.conformance.cards import CARDS, table

REPO = Path(__file__).resolve().parents[2]


def test_the_docs_hold_the_table_of_cards() -> None:
    assert (REPO / "docs/conformance.md").read_text() == table()


def test_every_card_has_one_test_and_no_number_twice() -> None:
    files = ("test_cards.py", "test_life.py")
    source = "".join((REPO / "tests/conformance" / name).read_text() for name in files)
    assert len({card.id for card in CARDS}) == len(CARDS)
    for card in CARDS:
        assert source.count(f'@card("{card.id}")') == 1, card.id
