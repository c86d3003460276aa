"""The closed lists of words that views use are those of the domain, word by word."""

from enum import Enum
from typing import Any, get_args

import pytest

from feeds.events import BookState, Liquidity, OrderKind, OrderState, Settlement
from feeds.markets import MarketState, Side
from feeds.news.poller import SourceState
from feeds.polymarket.health import StreamState
from strategies.decisions import _STOOD_OUT, CommandResult, Lasting, Mandate, Verdict
from terminal.engine.timeline import STEPS
from terminal.presenters.status import _stream_word
from terminal.protocol import vocabulary as words
from terminal.server.faces import _WORDS


@pytest.mark.parametrize(
    ("alias", "domain", "more"),
    [
        (words.SideWord, Side, ()),
        (words.OrderKindWord, OrderKind, ()),
        (words.BookWord, BookState, ("waiting",)),
        (words.MarketWord, MarketState, ("dormant",)),
        (words.VerdictWord, Verdict, ("", "may be chance")),
        (words.MandateWord, Mandate, ("",)),
        (words.OrderWord, OrderState, ("failed",)),
        (words.LiquidityWord, Liquidity, ()),
        (words.StageWord, Settlement, ("",)),
        (words.SourceWord, SourceState, ()),
    ],
)
def test_a_vocabulary_is_its_enumeration_and_what_is_named_here(
    alias: Any, domain: type[Enum], more: tuple[str, ...]
) -> None:
    spoken = get_args(alias)
    assert len(set(spoken)) == len(spoken)
    assert set(spoken) == {member.value for member in domain} | set(more)


def test_the_other_vocabularies_are_what_may_be_said() -> None:
    assert set(get_args(words.StreamWord)) == {_stream_word(state) for state in StreamState}
    assert set(get_args(words.ResultWord)) == set(_WORDS.values())
    assert set(_WORDS) == set(CommandResult)
    assert get_args(words.StepWord) == STEPS
    assert set(get_args(words.NoteWord)) == {*get_args(Lasting), "a quote move"} - {""}


def test_fit_to_trade_on_is_one_thing_on_both_sides_of_the_link() -> None:
    assert {state.value for state in BookState if state.fit} == words.FIT


def test_the_verdicts_that_tell_are_those_of_moves_that_stood_out() -> None:
    assert {verdict.value for verdict in _STOOD_OUT} == words.TELLING
