"""What the program hands to whoever wants to trade: calm markets, and wallets that can."""

from itertools import islice

import pytest

from practice.accounts import signing
from practice.accounts.wallets import owned_by
from practice.clock import HOUR
from practice.exchange.orders import DOLLAR, SHARE
from practice.serve import Practice
from practice.world.catalogue import Catalogue, catalogue
from practice.world.simulation import Moved, World
from practice.world.stories import schedule
from tests.practice.worlds import START_NS

KEYS = {"gamma", "clob", "data", "relayer", "rpc", "ws_market", "ws_user", "news", "control"}
SPREAD_MIN_TICKS = 3
MOVES_A_DAY_MAX = 150
STORIES = 400

live = pytest.mark.skipif(
    not signing.available(), reason="signing libraries are not installed (extra: live)"
)


@pytest.fixture(scope="module")
def practice() -> Practice:
    return Practice(7, 1.0, "http://127.0.0.1:9", None)


def test_the_line_of_addresses_is_whole(practice: Practice) -> None:
    shown = practice.addresses()
    assert KEYS | {"calm", "wallets"} <= set(shown)
    assert str(shown["ws_market"]).endswith("/market")
    assert str(shown["ws_user"]).endswith("/user")
    calm = shown["calm"]
    assert isinstance(calm, list)
    assert len(calm) >= 5
    assert set(calm) <= set(practice.venue.board.by_condition)


@pytest.mark.parametrize("seed", range(8))
def test_calm_markets_keep_a_wide_spread_and_hardly_move(seed: int) -> None:
    whole = catalogue(seed)
    markets = tuple(spec for spec in whole.markets if spec.calm)
    events = tuple(one for one in whole.events if one.slug in {spec.event for spec in markets})
    world = World(seed, Catalogue(events, markets), (), START_NS)
    moves = dict.fromkeys((spec.slug for spec in markets), 0)
    for happening in world.run(START_NS + 24 * HOUR):
        assert isinstance(happening, Moved)
        market = world.exchange.markets[happening.market]
        assert happening.best_bid is not None
        assert happening.best_ask is not None
        assert happening.best_ask - happening.best_bid >= SPREAD_MIN_TICKS * market.tick
        assert happening.trades == ()
        moves[happening.market] += 1
    assert max(moves.values()) <= MOVES_A_DAY_MAX


def test_no_story_touches_a_calm_market() -> None:
    markets = catalogue(7)
    stories = list(islice(schedule(7, markets), STORIES))
    touched = {slug for story in stories for slug, _ in story.effects}
    assert len(touched) > 50
    assert not touched & {spec.slug for spec in markets.markets if spec.calm}


@live
def test_wallets_of_every_kind_are_funded_and_stand(practice: Practice) -> None:
    shown = practice.addresses()["wallets"]
    assert isinstance(shown, list)
    assert sorted(row["kind"] for row in shown) == ["deposit", "eoa", "eoa", "proxy", "safe"]
    calm = [spec.slug for spec in practice.venue.calm()]
    for row in shown:
        owner = signing.address_of(bytes.fromhex(row["private_key"][2:]))
        assert getattr(owned_by(owner), row["kind"]) == row["address"]
        assert practice.venue.accounts.exists(row["address"].lower())
        account = practice.world.exchange.accounts[row["address"]]
        assert account.cash >= 1_000 * DOLLAR
        assert {slug for slug, _ in account.shares} == set(calm[:2])
        assert min(account.shares.values()) >= 100 * SHARE
    assert len({row["address"] for row in shown}) == 5


@live
def test_another_seed_has_other_keys(practice: Practice) -> None:
    mine = {wallet.private_key for wallet in practice.venue.accounts.wallets}
    other = Practice(8, 1.0, "http://127.0.0.1:9", None).venue.accounts.wallets
    again = Practice(7, 1.0, "http://127.0.0.1:9", None).venue.accounts.wallets
    assert not mine & {wallet.private_key for wallet in other}
    assert mine == {wallet.private_key for wallet in again}
