"""What a client asks the relayer and the chain: which wallets stand, and what they have approved.

There is no chain here. The wallets of the practice world stand from the start and have approved
everything. The one transaction that the relayer takes is a deposit wallet's creation; a plain
wallet's own transactions change what it has approved.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts import signing, wallets
from practice.accounts.approvals import approval_of
from practice.accounts.auth import BUILDER, Door
from practice.accounts.registry import Accounts
from practice.answers import UNREADABLE, Handler, Wrong, answer, body_of, guarded
from practice.clock import SECOND
from practice.exchange.matching import Exchange
from practice.world.board import Board

CHAIN_ID = "0x89"
GAS, GAS_PRICE = "0x186a0", "0x6fc23ac00"
BATCH_MAX = 200
TRANSACTIONS_MAX = 10_000
WORD = 64  # hex digits
ALLOWANCE, APPROVED_FOR_ALL = "dd62ed3e", "e985e9c5"
BALANCE, SHARES_BALANCE = "70a08231", "00fdd58e"
KINDS = {"SAFE": "safe", "PROXY": "proxy", "WALLET": "deposit"}
METHOD_UNKNOWN, PARAMETERS_WRONG = -32601, -32602
BLOCK_NS = 2 * SECOND

Row = dict[str, Any]


class _Call(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[Any] = []


class _Submitted(msgspec.Struct):
    type: str
    from_: str = msgspec.field(name="from", default="")


_calls = msgspec.json.Decoder(list[_Call] | _Call)


class _BadCall(Exception):
    """A call that the chain would refuse: (code, message)."""


class Relayer:
    """Routes of the relayer and of the JSON-RPC endpoint."""

    def __init__(self, board: Board, accounts: Accounts, door: Door) -> None:
        self.board = board
        self.door = door
        self.accounts = accounts
        self._transactions: dict[str, str] = {}
        self._answers: dict[str, Callable[[list[Any]], object]] = {
            "eth_chainId": lambda _: CHAIN_ID,
            "net_version": lambda _: str(int(CHAIN_ID, 16)),
            "eth_gasPrice": lambda _: GAS_PRICE,
            "eth_estimateGas": lambda _: GAS,
            "eth_getTransactionCount": lambda _: hex(len(self._transactions)),
            "eth_blockNumber": lambda _: self._block()["number"],
            "eth_getBlockByNumber": lambda _: self._block(),
            "eth_getBalance": lambda _: hex(10**18),
            "eth_call": self._eth_call,
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": self._receipt,
        }

    def routes(self) -> list[Route]:
        gets: dict[str, Handler] = {
            "/deployed": self._deployed,
            "/nonce": self._params,
            "/relay-payload": self._params,
            "/v1/account/transactions/params": self._params,
            "/v1/account/transactions/{id}": self._transaction,
        }
        posts: dict[str, Handler] = {"/submit": self._submit, "/rpc": self._rpc, "/rpc/": self._rpc}
        return [Route(path, guarded(handler)) for path, handler in gets.items()] + [
            Route(path, guarded(handler), methods=["POST"]) for path, handler in posts.items()
        ]

    # -- relayer -----------------------------------------------------------------------------------

    async def _deployed(self, request: Request) -> Response:
        """True only for a wallet that exists, and of that kind where one is named."""
        address = _address(request.query_params.get("address", ""))
        kind = self.accounts.deployed.get(self.accounts.known(address))
        wanted = request.query_params.get("type")
        if wanted is not None and wanted not in KINDS:
            raise Wrong(400, f"type must be one of {', '.join(KINDS)}")
        return answer({"deployed": kind is not None and (wanted is None or KINDS[wanted] == kind)})

    async def _params(self, request: Request) -> Response:
        address = _address(request.query_params.get("address", ""))
        return answer({"address": address, "nonce": str(len(self._transactions))})

    async def _submit(self, request: Request) -> Response:
        """A deposit wallet is created, at once, for whoever shows a relayer or a builder key."""
        body = await body_of(request)
        if BUILDER + "api_key" in request.headers:
            self.door.builder(request, body)
        elif "relayer_api_key" not in request.headers:
            raise Wrong(401, "invalid authorization")
        try:
            submitted = msgspec.json.decode(body, type=_Submitted)
        except UNREADABLE:
            raise Wrong(400, "invalid payload") from None
        if submitted.type != "WALLET-CREATE":
            raise Wrong(400, "the practice relayer takes WALLET-CREATE alone")
        wallet = wallets.owned_by(_address(submitted.from_)).deposit
        if not self.accounts.exists(wallet):
            self.accounts.deploy(wallet, "deposit")
        number = self._known_as(f"wallet {wallet}")
        shown = {"transactionID": number, "transactionHash": self._transactions[number]}
        return answer(shown | {"state": "STATE_NEW"})

    async def _transaction(self, request: Request) -> Response:
        number = request.path_params["id"]
        known = self._transactions.get(number)
        if known is None:
            raise Wrong(404, "transaction not found")
        shown = {"transaction_id": number, "transaction_hash": known}
        return answer(shown | {"state": "STATE_CONFIRMED", "error_msg": ""})

    def _known_as(self, text: str) -> str:
        """Note a transaction; answers the id that the relayer gives it."""
        digest = sha256(f"practice transaction {len(self._transactions)} {text}".encode())
        if len(self._transactions) >= TRANSACTIONS_MAX:
            del self._transactions[next(iter(self._transactions))]
        number = digest.hexdigest()[:32]
        self._transactions[number] = "0x" + digest.hexdigest()
        return number

    # -- the chain ---------------------------------------------------------------------------------

    async def _rpc(self, request: Request) -> Response:
        try:
            calls = _calls.decode(await body_of(request))
        except UNREADABLE:
            raise Wrong(400, "a JSON-RPC call or a list of them is expected") from None
        if isinstance(calls, _Call):
            return answer(self._called(calls))
        if len(calls) > BATCH_MAX:
            raise Wrong(400, f"at most {BATCH_MAX} calls in a batch")
        return answer([self._called(call) for call in calls])

    def _called(self, call: _Call) -> Row:
        row: Row = {"jsonrpc": "2.0", "id": call.id}
        known = self._answers.get(call.method)
        if known is None:
            error = {"code": METHOD_UNKNOWN, "message": f"no method {call.method} here"}
            return row | {"error": error}
        try:
            return row | {"result": known(call.params)}
        except _BadCall as bad:
            return row | {"error": {"code": PARAMETERS_WRONG, "message": str(bad)}}

    def _block(self) -> Row:
        now_ns = self.board.world.now_ns
        return {
            "number": hex(now_ns // BLOCK_NS),
            "timestamp": hex(now_ns // SECOND),
            "hash": "0x" + sha256(f"practice block {now_ns}".encode()).hexdigest(),
        }

    def _eth_call(self, params: list[Any]) -> str:
        """The reads that trading needs: allowances and balances."""
        call = params[0] if params and isinstance(params[0], dict) else {}
        data = call.get("data") or call.get("input")
        if not isinstance(data, str):
            raise _BadCall("eth_call needs an object with data")
        words = [data[10 + at : 10 + at + WORD] for at in range(0, len(data) - 10, WORD)]
        if not words or len(words[0]) != WORD:
            raise _BadCall("eth_call: arguments are missing")
        owner, selector = self.accounts.known("0x" + words[0][-40:]), data[2:10]
        approvals, spender = self.accounts.approvals, "0x" + words[-1][-40:]
        if selector == ALLOWANCE:
            return _word(approvals.money(owner, spender) if owner else 0)
        if selector == APPROVED_FOR_ALL:
            return _word(int(bool(owner) and approvals.shares(owner, spender)))
        if selector == BALANCE:
            return _word(self._exchange.accounts[owner].cash if owner else 0)
        if selector == SHARES_BALANCE and len(words) > 1:
            return _word(self._shares(owner, words[1]))
        raise _BadCall(f"eth_call: nothing here answers 0x{selector}")

    @property
    def _exchange(self) -> Exchange:
        return self.board.world.exchange

    def _shares(self, owner: str, word: str) -> int:
        try:
            found = self.board.by_asset.get(str(int(word, 16)))
        except ValueError:
            raise _BadCall("eth_call: an id is no number") from None
        if not owner or not found:
            return 0
        return self._exchange.accounts[owner].shares.get((found[0].spec.slug, found[1]), 0)

    def _send(self, params: list[Any]) -> str:
        """Approvals are signed transactions: they hold at once; all others change nothing."""
        if not params or not isinstance(params[0], str):
            raise _BadCall("eth_sendRawTransaction needs a signed transaction")
        approval = approval_of(params[0]) if signing.available() else None
        if approval:
            self.accounts.approvals.signed(approval)
        return self._transactions[self._known_as(params[0])]

    def _receipt(self, params: list[Any]) -> Row | None:
        wanted = params[0] if params else ""
        if wanted not in self._transactions.values():
            return None
        return {"transactionHash": wanted, "status": "0x1", "blockNumber": self._block()["number"]}


def _word(number: int) -> str:
    return f"0x{number:064x}"


def _address(text: str) -> str:
    digits = text[2:].lower()
    if not text.startswith("0x") or len(digits) != 40 or set(digits) - set("0123456789abcdef"):
        raise Wrong(400, "address must be 0x and 40 hex digits")
    return text
