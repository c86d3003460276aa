"""Questions about what this world has none of: rewards, sports, series, comments.

They are answered as the venue answers when there is nothing, so that clients that ask go on.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.accounts.auth import Door
from practice.accounts.registry import ApiKey
from practice.answers import Handler, Wrong, answer, guarded
from practice.api.clob import cursor_page
from practice.api.keys import asked
from practice.world.board import Board


class Stubs:
    """Routes."""

    def __init__(self, board: Board, door: Door) -> None:
        self.board = board
        self.door = door

    def routes(self) -> list[Route]:
        opened: dict[str, Handler] = {
            "/rewards/markets/current": _no_rows,
            "/rewards/markets/multi": _no_rows,
            "/rewards/markets/{condition}": self._market_rewards,
            "/series": _nothing,
            "/teams": _nothing,
            "/sports": _nothing,
            "/sports/market-types": _no_kinds,
            "/comments": _nothing,
            "/comments/keyset": _no_comments,
            "/comments/user_address/{address}": _nothing,
            "/tags/{number:int}/related-tags": self._related,
            "/tags/{number:int}/related-tags/tags": self._related,
            "/tags/slug/{slug}/related-tags": self._related,
            "/tags/slug/{slug}/related-tags/tags": self._related,
        }
        private = {
            "/rewards/user": _no_earnings,
            "/rewards/user/markets": _no_earnings,
            "/rewards/user/total": _no_total,
            "/rewards/user/percentages": _no_percentages,
        }
        opened |= {path: asked(self.door.reader, handler) for path, handler in private.items()}
        return [Route(path, guarded(handler)) for path, handler in opened.items()]

    async def _market_rewards(self, request: Request) -> Response:
        if request.path_params["condition"] not in self.board.by_condition:
            raise Wrong(404, "market not found")
        return cursor_page(request, (), dict)

    async def _related(self, request: Request) -> Response:
        named = request.path_params
        known = [
            tag
            for tag in self.board.tags.values()
            if tag.slug == named.get("slug") or tag.number == named.get("number")
        ]
        if not known:
            raise Wrong(404, "tag not found")
        return answer([])


async def _no_rows(request: Request) -> Response:
    return cursor_page(request, (), dict)


async def _nothing(request: Request) -> Response:
    return answer([])


async def _no_kinds(request: Request) -> Response:
    return answer({"marketTypes": []})


async def _no_comments(request: Request) -> Response:
    return answer({"comments": []})


async def _no_earnings(request: Request, key: ApiKey, body: bytes) -> Response:
    return cursor_page(request, (), dict)


async def _no_total(request: Request, key: ApiKey, body: bytes) -> Response:
    return answer([])


async def _no_percentages(request: Request, key: ApiKey, body: bytes) -> Response:
    return answer({})
