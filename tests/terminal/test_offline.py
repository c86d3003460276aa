"""Orders, positions and fills without an engine: from the ledger, as of its newest row."""

import json
from pathlib import Path

import pytest

from feeds.events import OrderState, Settlement
from feeds.markets import Outcome
from feeds.polymarket.catalogue_store import CatalogueStore
from terminal.cli import main
from terminal.stores.paths import CATALOGUE_SHELF, Paths
from tests.strategies.kit import market
from tests.terminal.ledger_rows import deposit, fill, intent, recorded, session, settled, update

AS_OF = "1970-01-01T00:00:00Z"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A home in which an engine has traded: order 1 filled, order 2 failed to settle, 3 is open."""
    monkeypatch.setenv("FTT_HOME", str(tmp_path / "home"))
    paths = Paths.find()
    paths.make()
    full = fill(1).size
    work = [
        [session(), deposit()],
        *([intent(n), update(n)] for n in (1, 2, 3)),
        [fill(1), update(1, OrderState.FILLED, full)],
        [fill(2), settled(2), update(2, OrderState.FILLED, full)],
        [settled(2, Settlement.FAILED)],
    ]
    recorded(paths.ledger, work)
    return paths


@pytest.fixture
def shelf(paths: Paths) -> None:
    known = market("0xabc", question="Will it rain?", yes=Outcome("Yes", "yes"))
    CatalogueStore(paths.state / CATALOGUE_SHELF, "anywhere").save([known], 1, 1)


def rows(capsys: pytest.CaptureFixture[str], *argv: str) -> list[dict[str, object]]:
    assert main([*argv, "--json"]) == 0
    said = capsys.readouterr()
    assert f"as of {AS_OF}, from the ledger" in said.err
    return [json.loads(line) for line in said.out.splitlines()]


@pytest.mark.usefixtures("shelf")
def test_orders_tell_what_became_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    told = {row["order_id"]: row for row in rows(capsys, "orders")}
    assert list(told) == ["order-3", "order-2", "order-1"], "what may still fill comes first"
    assert [row["state"] for row in told.values()] == ["open", "failed", "filled"]
    assert [row["filled"] for row in told.values()] == ["0", "0", "10"]
    assert told["order-2"]["failed"] == "10"
    assert "taken back" in str(told["order-2"]["reason"])
    assert "no engine runs" in str(told["order-3"]["reason"])
    assert {row["question"] for row in told.values()} == {"Will it rain?"}
    assert {row["as_of"] for row in told.values()} == {AS_OF}


@pytest.mark.usefixtures("shelf")
def test_positions_and_fills_count_only_what_settled(capsys: pytest.CaptureFixture[str]) -> None:
    (held,) = rows(capsys, "positions")
    assert (held["size"], held["outcome"], held["mark"]) == ("10", "Yes", "0.24")
    assert (held["cost"], held["unrealised"]) == ("2.400000", "0.000000")
    newest, older = rows(capsys, "fills")
    assert (newest["id"], newest["stage"]) == ("fill-2", "failed")
    assert (older["id"], older["stage"]) == ("fill-1", "")


@pytest.mark.usefixtures("shelf")
def test_people_get_a_table_and_the_words_narrow_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fills", "rain", "order-2"]) == 0
    said = capsys.readouterr()
    assert "failed: taken back" in said.out
    assert "order-1" not in said.out
    assert f"as of {AS_OF}" in said.err
    assert main(["orders", "plum"]) == 0
    assert "nothing here has the words 'plum'" in capsys.readouterr().err


@pytest.mark.usefixtures("paths")
def test_without_a_shelf_markets_have_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    (held,) = rows(capsys, "positions")
    assert held["question"] == "a market we no longer know"


def test_a_damaged_shelf_costs_only_the_names(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    (paths.state / CATALOGUE_SHELF).write_bytes(b"damage")
    assert len(rows(capsys, "positions")) == 1


@pytest.mark.parametrize("command", ["orders", "positions", "fills"])
def test_without_a_ledger_it_says_what_makes_one(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FTT_HOME", str(tmp_path / "nowhere"))
    assert main([command]) == 1
    assert "there is no ledger yet: `ftt` or `ftt bot` makes one" in capsys.readouterr().err
