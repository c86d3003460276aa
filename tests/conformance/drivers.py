"""Both official clients behind one set of verbs, so that a card is written once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import websockets

from tests.conformance.cards import OLD, SDK

WAIT_S = 10.0

Where = dict[str, Any]
Row = dict[str, Any]


class Refused(Exception):
    """The venue, or the client in its stead, said no."""


@dataclass(frozen=True)
class Done:
    """What became of a post."""

    id: str
    status: str
    trades: tuple[str, ...] = ()
    gave: str = ""
    got: str = ""


class Feed(Protocol):
    """A stream as plain rows; ``next`` waits for one that fits."""

    async def next(self, fits: Callable[[Row], bool]) -> Row: ...


class Driver(Protocol):
    """One wallet through one client. Prices and amounts are decimal texts."""

    name: str

    async def key(self) -> str: ...
    async def limit(self, asset: str, side: str, price: str, size: str, **more: Any) -> Any: ...
    async def market(self, asset: str, side: str, amount: str, price: str, kind: str) -> Any: ...
    async def post(self, signed: Any) -> Done: ...
    async def post_many(self, signed: Sequence[Any]) -> list[Done | str]: ...
    async def cancel(self, *ids: str) -> tuple[list[str], dict[str, str]]: ...
    async def cancel_all(self) -> list[str]: ...
    async def cancel_market(self, market: str = "", asset: str = "") -> list[str]: ...
    async def open_orders(self, **query: str) -> list[Row]: ...
    async def order(self, order_id: str) -> Row: ...
    async def trades(self, **query: str) -> list[Row]: ...
    async def balance(self, asset: str = "", v2: bool = False) -> int: ...
    async def small(self, order_id: str) -> tuple[bool, bool, list[int]]: ...
    async def beat(self, beat_id: str) -> tuple[bool, str]: ...
    def market_feed(self, asset: str) -> Any: ...
    def user_feed(self) -> Any: ...
    async def close(self) -> None: ...


def _row(model: Any) -> Row:
    """A client's model as the plain texts that cards compare."""
    row: Row = model.model_dump(mode="json")
    return row


# -- polymarket-client -----------------------------------------------------------------------------


class SdkDriver:
    """The unified client, its environment pointed at the practice venue."""

    name = SDK

    def __init__(self, client: Any) -> None:
        self.client = client

    @staticmethod
    def environment(where: Where) -> Any:
        from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment

        http, ws = where["clob"], where["ws_market"].removesuffix("/ws/market")
        config = replace(
            PRODUCTION_CONFIG,
            clob_url=where["clob"],
            gamma_url=where["gamma"],
            data_url=where["data"],
            relayer_url=where["relayer"],
            rpc_url=where["rpc"],
            clob_market_ws_url=where["ws_market"],
            clob_user_ws_url=where["ws_user"],
            rfq_url=http,
            builder_gateway_url=http,
            collateral_return_url=http,
            perps_url=http,
            rtds_ws_url=ws,
            sports_ws_url=ws,
            realtime_ws_url=ws,
            rfq_quoter_ws_url=ws,
            perps_ws_url=ws,
            relayer_poll_frequency_ms=50,
        )
        return create_environment(name="practice", config=config)

    @classmethod
    async def open(cls, where: Where, wallet: Row) -> "SdkDriver":
        from polymarket import AsyncSecureClient

        client = await AsyncSecureClient.create(
            private_key=wallet["private_key"],
            wallet=wallet["address"],
            environment=cls.environment(where),
        )
        return cls(client)

    async def key(self) -> str:
        return str(self.client.credentials.key)

    async def _asked(self, call: Any) -> Any:
        from polymarket.errors import PolymarketError

        try:
            return await call
        except PolymarketError as error:
            raise Refused(str(error)) from error

    async def limit(self, asset: str, side: str, price: str, size: str, **more: Any) -> Any:
        call = self.client.create_limit_order(
            asset_id=asset, side=side, price=price, size=size, **more
        )
        return await self._asked(call)

    async def market(self, asset: str, side: str, amount: str, price: str, kind: str) -> Any:
        terms = (
            {"amount": amount, "max_price": price}
            if side == "BUY"
            else {"shares": amount, "min_price": price}
        )
        call = self.client.create_market_order(asset_id=asset, side=side, order_type=kind, **terms)
        return await self._asked(call)

    async def post(self, signed: Any) -> Done:
        answer = self._done(await self._asked(self.client.post_order(signed)))
        if isinstance(answer, str):
            raise Refused(answer)
        return answer

    async def post_many(self, signed: Sequence[Any]) -> list[Done | str]:
        answers = await self._asked(self.client.post_orders(list(signed)))
        return [self._done(answer) for answer in answers]

    @staticmethod
    def _done(answer: Any) -> Done | str:
        if not answer.ok:
            return f"{answer.code}: {answer.message}"
        amounts = str(answer.making_amount), str(answer.taking_amount)
        return Done(answer.order_id, answer.status, tuple(answer.trade_ids), *amounts)

    async def cancel(self, *ids: str) -> tuple[list[str], dict[str, str]]:
        if len(ids) == 1:
            answer = await self._asked(self.client.cancel_order(order_id=ids[0]))
        else:
            answer = await self._asked(self.client.cancel_orders(order_ids=list(ids)))
        return list(answer.canceled), dict(answer.not_canceled)

    async def cancel_all(self) -> list[str]:
        return list((await self._asked(self.client.cancel_all())).canceled)

    async def cancel_market(self, market: str = "", asset: str = "") -> list[str]:
        call = self.client.cancel_market_orders(market=market or None, asset_id=asset or None)
        return list((await self._asked(call)).canceled)

    async def open_orders(self, **query: str) -> list[Row]:
        pages = self.client.list_open_orders(**query)
        return [_row(one) async for page in pages for one in page.items]

    async def order(self, order_id: str) -> Row:
        return _row(await self._asked(self.client.get_order(order_id=order_id)))

    async def trades(self, **query: str) -> list[Row]:
        pages = self.client.list_account_trades(**query)
        return [_row(one) async for page in pages for one in page.items]

    async def balance(self, asset: str = "", v2: bool = False) -> int:
        kind = "COLLATERAL" if not asset else "CONDITIONAL-V2" if v2 else "CONDITIONAL"
        call = self.client.get_balance_allowance(asset_type=kind, asset_id=asset or None)
        return int((await self._asked(call)).balance)

    async def small(self, order_id: str) -> tuple[bool, bool, list[int]]:
        notes = await self.client.get_notifications()
        scoring = await self.client.get_order_scoring(order_id=order_id)
        return scoring, await self.client.get_closed_only_mode(), [int(n.type) for n in notes]

    async def beat(self, beat_id: str) -> tuple[bool, str]:
        from polymarket.errors import OrderHeartbeatMismatchError

        try:
            answer = await self.client.send_order_heartbeat(heartbeat_id=beat_id)
        except OrderHeartbeatMismatchError as error:
            return False, str(error.heartbeat_id)
        return True, str(answer.heartbeat_id)

    @asynccontextmanager
    async def market_feed(self, asset: str) -> AsyncIterator[Feed]:
        from polymarket.streams import MarketSpec

        handle = await self.client.subscribe(MarketSpec(asset_ids=[asset]))
        try:
            yield _SdkFeed(handle)
        finally:
            await handle.close()

    @asynccontextmanager
    async def user_feed(self) -> AsyncIterator[Feed]:
        from polymarket.streams import UserSpec

        handle = await self.client.subscribe(UserSpec())
        try:
            yield _SdkFeed(handle)
        finally:
            await handle.close()

    async def close(self) -> None:
        await self.client.close()


class _SdkFeed:
    def __init__(self, handle: Any) -> None:
        self._events = aiter(handle)

    async def next(self, fits: Callable[[Row], bool]) -> Row:
        async with asyncio.timeout(WAIT_S):
            while True:
                event = await anext(self._events)
                row = _row(event.payload) | {"event_type": event.type}
                row["type"] = row.get("order_event_type", "TRADE")
                if fits(row):
                    return row


# -- py-clob-client-v2 -----------------------------------------------------------------------------

SIGNATURE_TYPES = {"eoa": 0, "proxy": 1, "safe": 2, "deposit": 3}


class OldDriver:
    """The older client, its host the practice venue. It is synchronous and has no streams."""

    name = OLD

    def __init__(self, client: Any, where: Where) -> None:
        self.client = client
        self.where = where

    @classmethod
    async def open(cls, where: Where, wallet: Row) -> "OldDriver":
        from py_clob_client_v2 import ClobClient

        kind = SIGNATURE_TYPES[wallet["kind"]]
        client = ClobClient(
            where["clob"],
            137,
            key=wallet["private_key"],
            signature_type=kind,
            funder=wallet["address"],
        )
        client.set_api_creds(await asyncio.to_thread(client.create_or_derive_api_key))
        return cls(client, where)

    async def key(self) -> str:
        return str(self.client.creds.api_key)

    async def _asked(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        from py_clob_client_v2.exceptions import PolyException

        try:
            return await asyncio.to_thread(call, *given, **named)
        except (PolyException, ValueError) as error:
            raise Refused(str(error)) from error

    async def limit(self, asset: str, side: str, price: str, size: str, **more: Any) -> Any:
        from py_clob_client_v2 import OrderArgs, OrderType

        expiration = more.get("expiration") or 0
        args = OrderArgs(
            **_named(asset), price=float(price), size=float(size), side=side, expiration=expiration
        )
        order = await self._asked(self.client.create_order, args)
        kind = OrderType.GTD if expiration else OrderType.GTC
        return order, kind, more.get("post_only", False)

    async def market(self, asset: str, side: str, amount: str, price: str, kind: str) -> Any:
        from py_clob_client_v2 import MarketOrderArgs

        args = MarketOrderArgs(
            **_named(asset), amount=float(amount), side=side, price=float(price), order_type=kind
        )
        order = await self._asked(self.client.create_market_order, args)
        return order, kind, False

    async def post(self, signed: Any) -> Done:
        answer = self._done(await self._asked(self.client.post_order, *signed))
        if isinstance(answer, str):
            raise Refused(answer)
        return answer

    async def post_many(self, signed: Sequence[Any]) -> list[Done | str]:
        from py_clob_client_v2 import PostOrdersV2Args

        legs = [PostOrdersV2Args(order=order, orderType=kind) for order, kind, _ in signed]
        return [self._done(row) for row in await self._asked(self.client.post_orders, legs)]

    @staticmethod
    def _done(row: Row) -> Done | str:
        if not row["success"] or row["errorMsg"]:
            return str(row["errorMsg"])
        trades = tuple(row.get("tradeIDs", ()))
        if trades:
            assert len(row.get("transactionsHashes", trades)) == len(trades)  # none of a failed one
        return Done(row["orderID"], row["status"], trades, row["makingAmount"], row["takingAmount"])

    async def cancel(self, *ids: str) -> tuple[list[str], dict[str, str]]:
        from py_clob_client_v2 import OrderPayload

        if len(ids) == 1:
            answer = await self._asked(self.client.cancel_order, OrderPayload(orderID=ids[0]))
        else:
            answer = await self._asked(self.client.cancel_orders, list(ids))
        return answer["canceled"], answer["not_canceled"]

    async def cancel_all(self) -> list[str]:
        canceled: list[str] = (await self._asked(self.client.cancel_all))["canceled"]
        return canceled

    async def cancel_market(self, market: str = "", asset: str = "") -> list[str]:
        from py_clob_client_v2 import OrderMarketCancelParams

        wanted = OrderMarketCancelParams(market=market, asset_id=asset)
        answer = await self._asked(self.client.cancel_market_orders, wanted)
        canceled: list[str] = answer["canceled"]
        return canceled

    async def open_orders(self, **query: str) -> list[Row]:
        from py_clob_client_v2 import OpenOrderParams

        rows: list[Row] = await self._asked(self.client.get_open_orders, OpenOrderParams(**query))
        return rows

    async def order(self, order_id: str) -> Row:
        row: Row = await self._asked(self.client.get_order, order_id)
        return row

    async def trades(self, **query: str) -> list[Row]:
        from py_clob_client_v2 import TradeParams

        rows: list[Row] = await self._asked(self.client.get_trades, TradeParams(**query))
        return rows

    async def balance(self, asset: str = "", v2: bool = False) -> int:
        from py_clob_client_v2 import BalanceAllowanceParams

        kind = "COLLATERAL" if not asset else "CONDITIONAL-V2" if v2 else "CONDITIONAL"
        wanted = BalanceAllowanceParams(asset_type=kind, token_id=asset or None)
        await self._asked(self.client.update_balance_allowance, wanted)
        return int((await self._asked(self.client.get_balance_allowance, wanted))["balance"])

    async def small(self, order_id: str) -> tuple[bool, bool, list[int]]:
        from py_clob_client_v2 import OrderScoringParams

        scoring = await self._asked(self.client.is_order_scoring, OrderScoringParams(order_id))
        closed = await self._asked(self.client.get_closed_only_mode)
        notes = await self._asked(self.client.get_notifications)
        return scoring["scoring"], closed["closed_only"], [int(note["type"]) for note in notes]

    async def beat(self, beat_id: str) -> tuple[bool, str]:
        from py_clob_client_v2.exceptions import PolyApiException

        try:
            answer = await asyncio.to_thread(self.client.post_heartbeat, beat_id)
        except PolyApiException as error:
            return False, str(error.error_msg["heartbeat_id"])
        return True, str(answer["heartbeat_id"])

    @asynccontextmanager
    async def market_feed(self, asset: str) -> AsyncIterator[Feed]:
        async with _RawFeed.open(
            self.where["ws_market"], {"type": "market", "assets_ids": [asset]}
        ) as feed:
            yield feed

    @asynccontextmanager
    async def user_feed(self) -> AsyncIterator[Feed]:
        creds = self.client.creds
        auth = {
            "apiKey": creds.api_key,
            "secret": creds.api_secret,
            "passphrase": creds.api_passphrase,
        }
        async with _RawFeed.open(self.where["ws_user"], {"type": "user", "auth": auth}) as feed:
            yield feed

    async def close(self) -> None:
        """Its connections belong to the process."""


def _named(asset: str) -> dict[str, str | None]:
    """How this client is told which exchange to sign for: a position id has 64 zero bits."""
    if int(asset) >> 40 & (1 << 64) - 1:
        return {"token_id": asset}
    return {"token_id": None, "position_id": asset}


class _RawFeed:
    """A plain socket with the documented frames; connects again when it is cut."""

    def __init__(self, url: str, hello: Row) -> None:
        self._url = url
        self._hello = hello
        self._rows: list[Row] = []
        self._socket: websockets.ClientConnection | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, hello: Row) -> AsyncIterator["_RawFeed"]:
        feed = cls(url, hello)
        await feed._connect()
        try:
            yield feed
        finally:
            if feed._socket:
                await feed._socket.close()

    async def _connect(self) -> None:
        self._socket = await websockets.connect(self._url, max_size=None)
        await self._socket.send(json.dumps(self._hello))

    async def next(self, fits: Callable[[Row], bool]) -> Row:
        async with asyncio.timeout(WAIT_S):
            while True:
                while self._rows:
                    row = self._rows.pop(0)
                    if fits(row):
                        return row
                await self._more()

    async def _more(self) -> None:
        assert self._socket is not None
        try:
            frame = json.loads(await self._socket.recv())
        except websockets.ConnectionClosed:
            await self._connect()
            return
        self._rows += frame if isinstance(frame, list) else [frame]


DRIVERS: dict[str, type[SdkDriver] | type[OldDriver]] = {SDK: SdkDriver, OLD: OldDriver}
