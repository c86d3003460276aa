"""The deck of faults by itself: options, flags, seeds and chance."""

import itertools
from random import Random

import pytest

from practice.clock import MINUTE, SECOND
from practice.faults.deck import (
    DRAWN,
    NO_FAULTS,
    RATES,
    SPANS,
    BadFault,
    Deck,
    Faults,
    flags,
    parse_fault,
    with_fault,
)
from practice.faults.frame_faults import FrameFaults
from practice.serve import faults_of, main, parser
from tests.practice.worlds import START_NS


def test_every_fault_can_be_set_by_flag_and_told_by_flags_again() -> None:
    faults = NO_FAULTS
    for name in RATES:
        faults = parse_fault(faults, f"{name.replace('_', '-')}=0.125")
    for name in SPANS:
        faults = parse_fault(faults, f"{name}=250")
    faults = parse_fault(parse_fault(faults, "seed=3"), "routes=orders")
    again = NO_FAULTS
    for text in flags(faults)[1::2]:
        again = parse_fault(again, text)
    assert again == faults
    assert {getattr(faults, f"{name}_per_mille") for name in RATES} == {125}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lost_reply", "expected NAME=RATE"),
        ("lost_replies=0.1", "no fault is called 'lost_replies'; there are lost_request"),
        ("lost_reply=1.5", "lost_reply must be 0 to 1 in steps of 0.001, not '1.5'"),
        ("lost_reply=nan", "lost_reply must be 0 to 1"),
        ("lost_reply=0.00001", "steps of 0.001"),
        ("late_reply_ms_max=-1", "late_reply_ms_max must be a whole number, 0 to 3600000"),
        ("routes=some", "routes must be one of all, orders, reads"),
        ("seed=x", "seed must be a whole number"),
    ],
)
def test_a_bad_fault_is_refused_with_its_name_and_the_fix(
    text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadFault, match=told):
        parse_fault(NO_FAULTS, text)
    with pytest.raises(SystemExit) as ended:
        main(["--fault", text])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err.replace("\n", " ")


def test_flags_take_their_chance_from_the_worlds_seed_unless_they_name_one() -> None:
    options = parser().parse_args(["--seed", "5", "--fault", "cut=0.5", "--fault", "freeze=0.1"])
    assert faults_of(options) == Faults(seed=5, cut_per_mille=500, freeze_per_mille=100)
    named = parser().parse_args(["--seed", "5", "--fault", "seed=8"])
    assert faults_of(named) == Faults(seed=8)


def test_the_same_seed_strikes_in_the_same_places_and_another_in_others() -> None:
    def struck(seed: int) -> list[int]:
        deck = Deck(Faults(seed=seed, lost_reply_per_mille=100, late_reply_per_mille=500))
        return [i for i in range(1_000) if (deck.draw("late_reply"), deck.draw("lost_reply"))[1]]

    assert struck(1) == struck(1) != struck(2)
    assert 60 < len(struck(1)) < 140


def test_one_faults_chance_does_not_depend_on_another_faults_rate() -> None:
    alone = Deck(Faults(seed=1, lost_reply_per_mille=100))
    beside = Deck(Faults(seed=1, lost_reply_per_mille=100, late_reply_per_mille=500))
    for _ in range(500):
        beside.draw("late_reply")
        assert alone.draw("lost_reply") == beside.draw("lost_reply")


def test_a_fault_of_minutes_lasts_and_then_ends() -> None:
    deck = Deck(Faults(seed=4, freeze_per_mille=200))
    states = [deck.during("freeze", START_NS + i * SECOND, whom="a") for i in range(3_600)]
    changes = sum(one != other for one, other in itertools.pairwise(states))
    assert 0.1 < sum(states) / len(states) < 0.5
    assert changes < 40
    others = [deck.during("freeze", START_NS + i * MINUTE, whom="b") for i in range(60)]
    assert others != [deck.during("freeze", START_NS + i * MINUTE, whom="a") for i in range(60)]


def test_restarts_come_by_chance_and_go_through_post_only() -> None:
    deck = Deck(Faults(seed=2, restart_per_mille=50))
    modes = [deck.mode(START_NS + i * 10 * SECOND)[0] for i in range(6 * 60 * 5)]
    assert {"normal", "restarting", "post-only"} == set(modes)
    after = [b for a, b in itertools.pairwise(modes) if a == "restarting" != b]
    assert set(after) == {"post-only"}


def test_a_garblers_choices_repeat_and_differ_between_connections() -> None:
    def passed(number: int) -> list[bytes]:
        faults = Faults(seed=9, **{f"{name}_frame_per_mille": 200 for name in KINDS})  # type: ignore[arg-type]
        frame_faults = FrameFaults(Deck(faults), number)
        frames = [f'{{"event_type":"book","n":{i}}}'.encode() for i in range(200)]
        return [piece for frame in frames for piece in frame_faults.pass_on(frame)]

    assert passed(1) == passed(1) != passed(2)


KINDS = ("drop", "double", "reorder", "malformed")


def test_any_mix_of_faults_can_be_drawn_without_an_error() -> None:
    chance = Random(5)
    for seed in range(200):
        faults = Faults(seed=seed)
        for name in RATES:
            faults = with_fault(faults, name, chance.choice([0, 0.1, 1]))
        deck = Deck(faults)
        for name in DRAWN:
            assert deck.draw(name) in {True, False}
        for name in ("late_reply", "retrying_trade"):
            assert 0 < deck.span_ns(name) <= 60 * SECOND
        assert deck.mode(START_NS)[0] in {"normal", "restarting", "post-only", "cancel-only"}
