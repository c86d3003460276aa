"""How often impact is seen where there is none, and found where there is: at full size, slow."""

import math
import random

import pytest

from benchmarks.impact import (
    lasting,
    lasting_cell,
    look,
    null_cell,
    planted_cell,
    theme,
    theme_cell,
)
from strategies.decisions import Verdict


def test_a_theme_that_moved_together_is_not_one_storys_doing() -> None:
    rng = random.Random(21)
    flagged, called = 0, 0
    for _ in range(12):
        drawn = theme(rng, shock=0.8)
        raw, adjusted = look(drawn.own, 15), look(drawn.own, 15, peers=drawn.peers)
        flagged += raw.verdict is Verdict.CLEAR
        called += adjusted.verdict is Verdict.THEME
    assert flagged >= 9
    assert called >= 0.9 * flagged


def test_a_pulse_has_faded_four_hours_on_and_a_step_has_stuck() -> None:
    rng = random.Random(22)
    pulses = [one.lasting for _ in range(8) if (one := lasting(rng, 7.0)).stood_out]
    steps = [one.lasting for _ in range(8) if (one := lasting(rng, math.inf)).stood_out]
    assert len(pulses) >= 6
    assert len(steps) >= 6
    assert pulses.count("faded") >= len(pulses) - 1
    assert "faded" not in steps
    assert steps.count("stuck") > len(steps) / 2, "a wild market may drift as far in four hours"


@pytest.mark.slow
def test_two_thousand_stories_without_effect_are_flagged_at_the_null_rate() -> None:
    calm = null_cell(1, 2_000)
    assert calm["measured"] >= 1_900
    assert calm["clear_within_60"] <= 0.015
    assert 0.3 < calm["p_above_half"] < 0.85
    assert calm["p_under_a_tenth"] < 0.15


@pytest.mark.slow
def test_unrelated_jumps_two_a_day_keep_the_rate() -> None:
    assert null_cell(1, 2_000, jumps_a_day=2.0)["clear_within_60"] <= 0.015


@pytest.mark.slow
def test_moves_of_eight_tenths_are_found_with_their_sign_size_and_half_life() -> None:
    found = planted_cell(2, 600, 0.8)
    assert found["found_within_15"] >= 0.65
    assert found["found_within_60"] >= 0.78
    assert found["median_delay_minutes"] <= 8
    assert found["sign_right"] >= 0.99
    assert abs(found["median_logit_at_15"] - 0.8) <= 0.25
    assert 2.5 <= found["median_half_life_minutes"] <= 10


@pytest.mark.slow
def test_theme_shocks_are_called_so_and_a_storys_own_effect_is_still_found() -> None:
    shocked = theme_cell(5, 300, 0.5)
    assert shocked["credited_raw"] >= 0.5
    assert shocked["credited"] <= 0.07
    assert shocked["called_theme_of_flagged"] >= 0.9
    assert theme_cell(6, 100, 0.5, 0.8)["credited"] >= 0.7
    assert theme_cell(7, 100, 0.0)["credited"] <= 0.03


@pytest.mark.slow
def test_of_many_pulses_and_steps_nearly_all_are_told_apart() -> None:
    figures = lasting_cell(8, 200)
    assert figures["pulses_called_faded"] >= 0.95
    assert figures["steps_called_stuck"] >= 0.85
