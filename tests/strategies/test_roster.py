"""Strategies on duty: by name, by file, and every mistake told."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from strategies.builtin.drift import Drift
from strategies.decisions import Mandate
from strategies.roster import RosterError, available, describe, enrol, find

OWN = """
from strategies.api import Annotated, Meta, Strategy, StrategyParams


class Params(StrategyParams, frozen=True):
    budget: Annotated[float, Meta(gt=0, le=500, description="Dollars a trade.")] = 20.0


class Mine(Strategy):
    name = "mine"
    summary = "does nothing"
    Params = Params
"""


def written(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


def test_the_strategies_of_the_house_are_listed() -> None:
    assert {"drift", "fade"} <= set(available())


def test_listing_imports_no_strategy() -> None:
    script = (
        "import sys; from strategies.roster import available; available(); "
        "assert not [m for m in sys.modules if m.startswith('strategies.builtin.')], 'imported'"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


def test_a_strategy_of_the_house_takes_its_parameters() -> None:
    enrolled = enrol("drift", {"budget": 25}, Mandate.PAPER)
    assert (enrolled.name, enrolled.mandate) == ("drift", Mandate.PAPER)
    assert isinstance(enrolled.strategy, Drift)
    assert enrolled.strategy.params.budget == 25


def test_a_file_of_ones_own_goes_through_the_same_door(tmp_path: Path) -> None:
    enrolled = enrol(written(tmp_path, OWN), {"budget": 7.5}, Mandate.ALERT)
    assert (enrolled.name, enrolled.strategy.params.budget) == ("mine", 7.5)  # type: ignore[attr-defined]


def test_parameters_describe_themselves() -> None:
    told = {name: (default, words) for name, default, words in describe(Drift)}
    assert told["budget"] == (100.0, "Dollars a trade.")
    assert all(words for _, words in told.values())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bugdet": 5}, "there is no parameter 'bugdet'; did you mean 'budget'?"),
        ({"budget": 0}, "parameter 'budget': Expected `float` > 0.0"),
        ({"budget": "much"}, "parameter 'budget': Expected `float`, got `str`"),
        ({"relevance_min": 2}, "parameter 'relevance_min': Expected `float` <= 1.0"),
        ({"": 1}, "there is no parameter ''"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_bound(params: dict[str, Any], message: str) -> None:
    with pytest.raises(RosterError) as error:
        enrol("drift", params, Mandate.PAPER)
    assert str(error.value) == f"strategy drift: {message}"


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(RosterError, match="no strategy 'drfit'; did you mean 'drift'"):
        find("drfit")
    with pytest.raises(RosterError, match=r"installed: .*drift"):
        find("zzz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "expected one subclass of strategies.api.Strategy, found none"),
        (OWN + "\n\nclass Two(Mine):\n    name = 'two'\n", "found Mine, Two"),
        ("def broken(:", "SyntaxError"),
        ("import no_such_module", "No module named 'no_such_module'"),
        (OWN.replace('    name = "mine"\n', ""), "class Mine needs a name"),
        (OWN.replace("    Params = Params\n", "    Params = int\n"), "needs Params"),
        (OWN.replace(" = 20.0", ""), "every parameter needs a default"),
    ],
)
def test_a_file_that_will_not_do_is_named_with_the_reason(
    tmp_path: Path, text: str, message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RosterError) as error:
        enrol(path, {}, Mandate.PAPER)
    assert path in str(error.value)
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(RosterError, match=r"nowhere\.py: there is no such file"):
        find("./nowhere.py")


def test_a_strategy_that_can_not_be_made_says_why(tmp_path: Path) -> None:
    text = OWN + "\n    def __init__(self, params):\n        raise OSError('no')\n"
    with pytest.raises(RosterError, match="can't be made with these parameters: no"):
        enrol(written(tmp_path, text), {}, Mandate.PAPER)
