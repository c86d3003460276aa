"""Orders that lose what stands behind them: cash spent elsewhere, shares gone, leave withdrawn."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from httpx import ASGITransport

from practice.exchange.orders import DOLLAR, SHARE, Refused
from tests.practice.traders import ANN, BOB, NO, YES, Floor, floor

LOST = "CANCELED_NOT_ENOUGH_BALANCE"


@pytest.fixture
def here() -> Floor:
    standing = floor()
    standing.venue.accounts.deployed |= {ANN: "eoa", BOB: "eoa"}
    return standing


@pytest_asyncio.fixture
async def http(here: Floor) -> AsyncIterator[httpx.AsyncClient]:
    transport = ASGITransport(app=here.venue.app())
    async with httpx.AsyncClient(base_url="http://127.0.0.1", transport=transport) as client:
        yield client


async def change(http: httpx.AsyncClient, wallet: str, **order: Any) -> Any:
    answer = await http.post("/control/wallet", json={"wallet": wallet, **order})
    assert answer.status_code == 200, answer.text
    return answer.json()


def lost(here: Floor, who: str) -> list[str]:
    """Ids of the orders of which the stream said that their cover is lost, in order."""
    told = here.events(who, "CANCELLATION")
    return [row["id"] for row in told if row["status"] == LOST]


def test_cash_spent_in_one_market_takes_the_newest_orders_of_another_off_at_once(
    here: Floor,
) -> None:
    first, _ = here.order(ANN, "free", cents=20, shares=2_000)  # $400
    second, _ = here.order(ANN, "free", cents=20, shares=1_000)  # $200
    third, _ = here.order(ANN, "free", cents=20, shares=1_500)  # $300
    here.order(ANN, "paid", cents=39, shares=1_000)  # $390 more, in a market of its own
    bid, _ = here.best("paid")
    assert bid == 3_900
    here.order(BOB, "paid", outcome=NO, cents=62, shares=1_000)  # meets it
    assert here.cash(ANN) == 610 * DOLLAR
    assert lost(here, ANN) == [third]
    assert not {third} & set(here.venue.world.exchange.orders)
    assert {first, second} <= set(here.venue.world.exchange.orders)
    (notice,) = [row for row in here.venue.trading.notices[ANN] if row["type"] == 1]
    assert notice["payload"]["order_id"] == third
    assert here.venue.auditor.told()["violations"] == []


async def test_money_that_leaves_the_wallet_takes_its_orders_along(
    here: Floor, http: httpx.AsyncClient
) -> None:
    one, _ = here.order(ANN, "free", cents=20, shares=2_000)
    two, _ = here.order(ANN, "paid", cents=20, shares=100)
    sale, _ = here.order(ANN, "paid", side="SELL", cents=60, shares=50)
    done = await change(http, ANN, cash="20.5")
    assert (done["cash"], done["canceled"]) == ("20.5", [one])
    assert lost(here, ANN) == [one]
    assert {two, sale} <= set(here.venue.world.exchange.orders)
    assert (await change(http, ANN, cash="0"))["canceled"] == [two]
    with pytest.raises(Refused, match="balance: 0, order amount: 2000000"):
        here.order(ANN, "free", cents=20, shares=10)
    await change(http, ANN, cash="2000")
    here.order(ANN, "free", cents=20, shares=10)
    assert here.venue.auditor.told()["violations"] == []


async def test_shares_sold_elsewhere_take_their_sales_along(
    here: Floor, http: httpx.AsyncClient
) -> None:
    asset = here.venue.board.listings["free"].assets[YES]
    old, _ = here.order(ANN, "free", side="SELL", cents=70, shares=60)
    new, _ = here.order(ANN, "free", side="SELL", cents=71, shares=40)
    assert (await change(http, ANN, shares={asset: "80"}))["canceled"] == [new]
    assert here.shares(ANN, "free") == 80 * SHARE
    assert (await change(http, ANN, shares={asset: "59.99"}))["canceled"] == [old]
    await change(http, ANN, shares={asset: "500"})
    here.order(ANN, "free", side="SELL", cents=70, shares=500)
    assert here.venue.auditor.told()["violations"] == []


async def test_leave_withdrawn_takes_orders_off_and_refuses_new_ones_naming_the_spender(
    here: Floor, http: httpx.AsyncClient
) -> None:
    spender = "0xE111180000d2663C0091e4f400237545B87B996B"
    buy, _ = here.order(ANN, "free", cents=20, shares=100)  # $20
    sale, _ = here.order(ANN, "free", side="SELL", cents=70, shares=60)
    assert (await change(http, ANN, allowance="25"))["canceled"] == []
    text = "the allowance is not enough -> spender: .*, allowance: 25000000, order amount: 6000000"
    with pytest.raises(Refused, match=text):
        here.order(ANN, "free", cents=20, shares=30)
    assert (await change(http, ANN, allowance="19.99", approved=False))["canceled"] == [buy, sale]
    with pytest.raises(Refused, match=f"{spender}, allowance: 0, order amount: 5000000"):
        here.order(ANN, "free", side="SELL", cents=70, shares=5)
    approvals = await http.get("/v2/approvals", params={"user": ANN})
    rows = {(row["standard"], row["spender"]): row for row in approvals.json()["data"]["contracts"]}
    assert rows["ERC20", spender]["amount"] == "19990000"
    assert not rows["ERC1155", spender]["approved"]
    await change(http, ANN, allowance="max", approved=True)
    here.order(ANN, "free", side="SELL", cents=70, shares=5)
    here.order(ANN, "free", cents=20, shares=30)


def test_a_delayed_order_whose_cover_went_meanwhile_ends_for_that_reason(here: Floor) -> None:
    _, ask = here.best("held")
    waiting, answer = here.order(ANN, "held", cents=ask // 100, shares=100)
    assert answer["status"] == "delayed"
    here.venue.world.exchange.withdraw(ANN, here.cash(ANN))
    here.live(4 * 10**9)
    assert lost(here, ANN) == [waiting]


def test_a_failed_sale_gives_the_money_back_and_what_it_covered_goes(here: Floor) -> None:
    here.venue.deck.strike_next({"failed_trade": 1})
    bid, _ = here.best("free")
    here.order(BOB, "free", cents=bid // 100 + 1, shares=100)
    here.order(ANN, "free", side="SELL", cents=bid // 100 + 1, shares=100)
    gained = here.cash(ANN) - 1_000 * DOLLAR
    assert gained > 0
    shares = here.cash(ANN) // (DOLLAR // 5) * 100 // 100
    rest, _ = here.order(ANN, "paid", cents=20, shares=shares)
    here.live(10 * 10**9)
    assert here.cash(ANN) == 1_000 * DOLLAR
    assert lost(here, ANN) == [rest]
    assert here.venue.auditor.told()["violations"] == []


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"wallet": "0x" + "99" * 20, "cash": "1"}, "no wallet stands at"),
        ({"wallet": ANN, "cash": "-1"}, "cash must be a decimal"),
        ({"wallet": ANN, "cash": "nan"}, "cash must be a decimal"),
        ({"wallet": ANN, "cash": "max"}, "cash must be a decimal"),
        ({"wallet": ANN, "cash": "0.0000001"}, "cash must be a decimal"),
        ({"wallet": ANN, "shares": {"12": "1"}}, "no asset in trade here"),
        ({"wallet": ANN, "money": "1"}, "unknown field `money`"),
    ],
)
async def test_a_bad_order_about_a_wallet_is_refused_by_field_and_changes_nothing(
    here: Floor, http: httpx.AsyncClient, order: dict[str, Any], words: str
) -> None:
    answer = await http.post("/control/wallet", json=order)
    assert answer.status_code in {400, 404}
    assert words in answer.json()["error"]
    assert here.cash(ANN) == 1_000 * DOLLAR
