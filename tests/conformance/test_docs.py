"""The table in the docs is that of the cards, and every card has its test."""

import re
from pathlib import Path

from practice.faults.deck import RATES, SPANS
from tests.conformance.cards import CARDS, table

REPO = Path(__file__).resolve().parents[2]


def test_the_docs_hold_the_table_of_cards() -> None:
    assert (REPO / "docs/conformance.md").read_text().startswith(table() + "\n## ")


def test_the_docs_name_every_fault_and_every_control_call() -> None:
    text = (REPO / "docs/conformance.md").read_text()
    for name in (*RATES, *SPANS):
        assert f"`{name}`" in text, name
    source = (REPO / "practice/api/control.py").read_text()
    for path in re.findall(r'"(/[a-z]+)": \("(?:GET|POST)"', source):
        assert re.search(rf"`(GET|POST) {path}\b", text), path


def test_every_card_has_one_test_and_no_number_twice() -> None:
    files = ("test_cards.py", "test_life.py")
    source = "".join((REPO / "tests/conformance" / name).read_text() for name in files)
    assert len({card.id for card in CARDS}) == len(CARDS)
    for card in CARDS:
        assert source.count(f'@card("{card.id}")') == 1, card.id
