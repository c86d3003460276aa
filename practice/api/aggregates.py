"""What an indexer sums up of whole markets: holders, interest, volume, tokens, latest trades."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts.registry import stranger
from practice.answers import Handler, Wrong, answer, guarded
from practice.api.data_api import names_of, page_of, spellings, whole_names
from practice.api.gamma import group_id
from practice.clock import SECOND
from practice.exchange.history import History
from practice.exchange.orders import NO, PRICE_ONE, SHARE, YES
from practice.world.board import OUTCOMES, Board, Listing

SMALLEST = SHARE // 100
ACTIVITY_MAX = 100
MODULES = {("v1", False): "v1_ctf", ("v1", True): "v1_ctf", ("v2", False): "binary"} | {
    ("v2", True): "neg_risk"
}

Row = dict[str, Any]


class Aggregates:
    """Routes of the Data API about markets, version 2 and the old one, and the CLOB's own."""

    def __init__(self, board: Board, history: History) -> None:
        self.board = board
        self.history = history

    def routes(self) -> list[Route]:
        paths: dict[str, Handler] = {
            "/v2/holders": self._holders,
            "/v2/oi": self._interest,
            "/v2/live-volume": self._volume,
            "/v2/tokens": self._tokens,
            "/holders": self._old_holders,
            "/oi": self._old_interest,
            "/live-volume": self._old_volume,
            "/markets/live-activity/{condition}": self._activity,
        }
        return [Route(path, guarded(handler)) for path, handler in paths.items()]

    # -- holders -----------------------------------------------------------------------------------

    async def _holders(self, request: Request) -> Response:
        return page_of(request, [row for one in self._wanted(request) for row in self._held(one)])

    async def _old_holders(self, request: Request) -> Response:
        rows = [row for one in self._wanted(request, "market") for row in self._held(one)]
        return answer([_old_holding(row) for row in rows])

    def _held(self, listing: Listing) -> list[Row]:
        """Everybody who has shares, the most first, for each outcome."""
        rows: list[Row] = []
        for outcome in (YES, NO):
            key = (listing.spec.slug, outcome)
            accounts = self.board.world.exchange.accounts.items()
            sizes = {name: account.shares.get(key, 0) for name, account in accounts}
            most = sorted((-size, name) for name, size in sizes.items() if size >= SMALLEST)
            asset = listing.assets[outcome]
            holders = [_holder(name, asset, outcome, -size) for size, name in most]
            rows.append({"token_id": asset, "holders": holders})
        return rows

    # -- sums --------------------------------------------------------------------------------------

    async def _interest(self, request: Request) -> Response:
        return answer({"data": self._interests(request, "condition_id", "condition_id")})

    async def _old_interest(self, request: Request) -> Response:
        return answer(self._interests(request, "market", "market"))

    def _interests(self, request: Request, asked: str, name: str) -> list[Row]:
        """Dollars that stand behind the pairs of each market asked for; of all when none is."""
        if whole_names(request, asked):
            wanted = self._wanted(request, asked)
            return [{name: one.condition, "value": self._pairs(one)} for one in wanted]
        total = sum(map(self._pairs, self.board.listings.values()))
        return [{name: "GLOBAL", "value": total}]

    def _pairs(self, listing: Listing) -> float:
        return self.board.market(listing).pairs / SHARE

    async def _volume(self, request: Request) -> Response:
        rows = self._volumes(request, "event_id")
        markets = [{"condition_id": name, "taker_volume": size} for name, size in rows]
        total = sum(size for _, size in rows)
        return answer({"data": {"taker_volume_total": total, "conditions": markets}})

    async def _old_volume(self, request: Request) -> Response:
        rows = self._volumes(request, "id")
        markets = [{"market": name, "value": size} for name, size in rows]
        return answer([{"total": sum(size for _, size in rows), "markets": markets}])

    def _volumes(self, request: Request, asked: str) -> list[tuple[str, float]]:
        """(condition, shares traded) of the markets of an event."""
        wanted = self._wanted(request, asked)
        return [(one.condition, self.board.market(one).traded / SHARE) for one in wanted]

    # -- tokens ------------------------------------------------------------------------------------

    async def _tokens(self, request: Request) -> Response:
        assets, conditions = whole_names(request, "token_id"), whole_names(request, "condition")
        if bool(assets) == bool(conditions):
            raise Wrong(400, "give exactly one of token_id and condition")
        rows = [
            self._token(listing, outcome)
            for listing in self.board.listings.values()
            for outcome in (YES, NO)
            if listing.assets[outcome] in assets or conditions & spellings(listing.condition)
        ]
        return answer({"data": rows})

    def _token(self, listing: Listing, outcome: int) -> Row:
        market, event = self.board.market(listing), listing.event
        resolved = market.winner is not None
        return {
            "token_id": listing.assets[outcome],
            "condition_id": listing.condition,
            "structural_condition_id": None,
            "module": MODULES[listing.version, event.neg_risk],
            "outcome_index": outcome,
            "clob_index": outcome,
            "outcome": OUTCOMES[outcome],
            "opposite_token_id": listing.assets[1 - outcome],
            "resolved": resolved,
            "final_price": self.board.worth(listing, outcome) if resolved else None,
            "title": listing.spec.question,
            "market_slug": listing.spec.slug,
            "closed": market.state != "open",
            "neg_risk": event.neg_risk,
            "neg_risk_market_id": group_id(self.board.seed, event.slug) if event.neg_risk else None,
            "question_index": listing.place,
            "event_id": str(self.board.event_numbers[event.slug]),
            "event_slug": event.slug,
        }

    # -- the latest trades -------------------------------------------------------------------------

    async def _activity(self, request: Request) -> Response:
        listing = self.board.by_condition.get(request.path_params["condition"])
        if listing is None:
            raise Wrong(404, "market not found")
        deeds = [d for d in self.history.tape if d.taker and d.market == listing.spec.slug]
        return answer(
            [
                {
                    "event_type": "trade",
                    "market": {
                        "condition_id": listing.condition,
                        "asset_id": listing.assets[deed.outcome],
                        "question": listing.spec.question,
                        "icon": "",
                        "slug": listing.spec.slug,
                    },
                    "user": {"address": _named(deed.account), "username": "", "pseudonym": ""},
                    "side": deed.side,
                    "size": str(deed.size / SHARE),
                    "fee_rate_bps": "0",
                    "price": str(deed.price / PRICE_ONE),
                    "outcome": OUTCOMES[deed.outcome],
                    "outcome_index": deed.outcome,
                    "timestamp": str(deed.at_ns // SECOND),
                }
                for deed in deeds[: -ACTIVITY_MAX - 1 : -1]
            ]
        )

    def _wanted(self, request: Request, asked: str = "condition_id") -> list[Listing]:
        names = whole_names(request, asked)
        if not names:
            raise Wrong(400, f"give {asked}")
        listings = self.board.listings.values()
        return [listing for listing in listings if names & names_of(self.board, listing)]


def _holder(account: str, asset: str, outcome: int, size: int) -> Row:
    return {
        "proxy_wallet": _named(account),
        "token_id": asset,
        "amount": size / SHARE,
        "outcome_index": outcome,
        "display_username_public": False,
        "verified": False,
        "name": "",
        "pseudonym": "",
        "bio": "",
        "profile_image": "",
        "profile_image_optimized": "",
    }


def _old_holding(row: Row) -> Row:
    names = {"proxy_wallet": "proxyWallet", "token_id": "asset", "outcome_index": "outcomeIndex"}
    names |= {"display_username_public": "displayUsernamePublic", "profile_image": "profileImage"}
    names |= {"profile_image_optimized": "profileImageOptimized"}
    holders = [{names.get(k, k): v for k, v in one.items()} for one in row["holders"]]
    return {"token": row["token_id"], "holders": holders}


def _named(account: str) -> str:
    return account if account.startswith("0x") else stranger(account)[1]
