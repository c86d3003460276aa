"""Serve the practice venue and newsroom on loopback until told to stop."""

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TextIO

import uvicorn
from starlette.types import ASGIApp

from practice.api.newsroom import Newsroom
from practice.clock import MINUTE, SECOND, WorldClock
from practice.faults.deck import NO_FAULTS, RATES, BadFault, Faults, parse_fault
from practice.venue import WS_MARKET, WS_USER, Venue
from practice.world.catalogue import catalogue
from practice.world.simulation import Published, World, story_truth
from practice.world.stories import schedule

HOST = "127.0.0.1"
STEP_S = 0.05
SLICE_S = 0.01
"""Wall seconds of world at a stretch before requests get their turn."""
PASTS_A_STEP = 4
PARENT_CHECK_S = 0.5
GRACE_S = 1
SPEED_MAX = 1000.0
TOKEN_BYTES = 16


class Truth:
    """The truth file: JSON lines, written as the world goes on."""

    def __init__(self, world: World, file: TextIO | None) -> None:
        self._world = world
        self._file = file
        self._minute = 0
        self._write({"kind": "world", "seed": world.seed, "anchor_ns": world.anchor_ns})

    def story(self, published: Published) -> None:
        self._write({"kind": "story", "story": story_truth(published)})

    def keep_up(self) -> None:
        """A line with every market's true odds for each world minute that has passed."""
        world = self._world
        while self._minute < world.minutes:
            at_ns = world.anchor_ns + self._minute * MINUTE
            odds = {
                slug: round(path.values[self._minute - path.skipped], 5)
                for slug, path in world.truths.items()
            }
            self._minute += 1
            self._write({"kind": "odds", "at_ns": at_ns, "odds": odds})

    def _write(self, row: dict[str, object]) -> None:
        if self._file:
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
            self._file.flush()


class Practice:
    """Venue, newsroom and the world behind them."""

    def __init__(
        self,
        seed: int,
        speed: float,
        base_url: str,
        truth_file: TextIO | None,
        faults: Faults = NO_FAULTS,
    ) -> None:
        self.clock = WorldClock(speed)
        markets = catalogue(seed)
        self.world = World(seed, markets, schedule(seed, markets), self.clock.anchor_ns)
        self.venue = Venue(self.world, self.clock, faults, secrets.token_urlsafe(TOKEN_BYTES))
        self.newsroom = Newsroom(base_url)
        self.truth = Truth(self.world, truth_file)
        self.base_url = base_url
        self.venue.auditor.complain = lambda text: self.complain(f"the audit found: {text}")
        self.app = self.venue.app(*self.newsroom.routes())

    def addresses(self) -> dict[str, object]:
        host = self.base_url.removeprefix("http://")
        listings = self.venue.board.listings
        return {
            "gamma": self.base_url,
            "clob": self.base_url,
            "data": self.base_url,
            "relayer": self.base_url,
            "rpc": f"{self.base_url}/rpc",
            "ws_market": f"ws://{host}{WS_MARKET}",
            "ws_user": f"ws://{host}{WS_USER}",
            "news": self.newsroom.feed_urls(),
            "control": f"{self.base_url}{self.venue.control.place}",
            "calm": [listings[spec.slug].condition for spec in self.venue.calm()],
            "wallets": [wallet.shown() for wallet in self.venue.accounts.wallets],
            "seed": self.world.seed,
            "speed": self.clock.speed,
            "anchor_ns": self.world.anchor_ns,
        }

    def leave(self) -> None:
        """Let go of everybody who would not go by itself: the kept waiting, the half open."""
        self.app.let_go()
        for stream in (self.venue.stream, self.venue.user_stream):
            stream.drop_half_open()

    def complain(self, text: str) -> None:
        """Say on stderr what failed, and the command that repeats it."""
        repeat = self.venue.deck.command(self.world.seed)
        if self.clock.speed != 1:
            repeat += f" --speed {self.clock.speed:g}"
        passed_s = (self.world.now_ns - self.world.anchor_ns) / SECOND
        seed = self.world.seed
        sys.stderr.write(f"practice: {text} (seed {seed}, {passed_s:.0f} s on); again: {repeat}\n")
        sys.stderr.flush()

    async def live(self) -> None:
        """Let the world go on in small steps and show what happens, for ever."""
        try:
            await self._live()
        except Exception as error:
            self.complain(f"the world failed: {error!r}")
            raise

    async def _live(self) -> None:
        while True:
            await self._catch_up(self.clock.now_ns())
            self.venue.tick()
            self.truth.keep_up()
            for _ in range(PASTS_A_STEP):
                self.world.remember_one()
            await asyncio.sleep(STEP_S)

    async def _catch_up(self, to_ns: int) -> None:
        pause_at = time.monotonic() + SLICE_S
        for happening in self.world.run(to_ns):
            if isinstance(happening, Published):
                self.truth.story(happening)
                self.newsroom.publish(happening.story, happening.at_ns)
            else:
                self.venue.publish(happening)
            if time.monotonic() > pause_at:
                await asyncio.sleep(0)
                pause_at = time.monotonic() + SLICE_S


class Server(uvicorn.Server):
    """A web server that tells when it begins to end."""

    def __init__(self, config: uvicorn.Config, leaving: Callable[[], None]) -> None:
        super().__init__(config)
        self._leaving = leaving

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leaving()
        await super().shutdown(sockets)


def server_for(app: ASGIApp, leaving: Callable[[], None] = lambda: None) -> Server:
    """The web server as the practice world uses it: quiet, and quick to end."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_level="warning",
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
    return Server(config, leaving)


async def serve(practice: Practice, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set or a signal comes."""
    server = server_for(practice.app, practice.leave)
    world = asyncio.create_task(practice.live())
    stopper = asyncio.create_task(_stop(server, stop))
    served = asyncio.create_task(server.serve([listener]))
    try:
        # the world never ends by itself: when its task does, it failed
        await asyncio.wait({world, served}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await served
    finally:
        stopper.cancel()
        world.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await world


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


class Stop:
    """SIGTERM and SIGINT from the first moment on, also before and after the web server's own turn.

    The server takes the signals while it runs and raises them again when it has ended; that
    second time must not end the program with a signal's exit code.
    """

    def __init__(self) -> None:
        self._asked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def in_loop(self) -> asyncio.Event:
        """The event that a signal sets, from now on and for one that came before."""
        self._loop = asyncio.get_running_loop()
        if self._asked:
            self._event.set()
        return self._event

    def _ask(self, _number: int, _frame: object) -> None:
        self._asked = True
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)


async def _watch_parent(parent: int, stop: asyncio.Event) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 (the system tells nobody of it)
        await asyncio.sleep(PARENT_CHECK_S)
    stop.set()


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one."""
    # asyncio sends without delay only on sockets that say they are TCP
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    listener.listen()
    return listener


async def _run(
    options: argparse.Namespace, truth_file: TextIO | None, parent: int, stop: Stop
) -> None:
    stopped = stop.in_loop()
    listener = listen(options.port)
    base_url = f"http://{HOST}:{listener.getsockname()[1]}"
    practice = Practice(options.seed, options.speed, base_url, truth_file, faults_of(options))
    practice.world.exchange.self_trades = options.self_trades
    practice.venue.limits.enforced = options.limits
    practice.venue.trading.flat_amounts = options.flat_amounts
    practice.venue.clob.buyers_pay = options.buyers_pay
    if options.json:
        sys.stdout.write(json.dumps(practice.addresses()) + "\n")
    else:
        sys.stdout.write(_greeting(practice))
    sys.stdout.flush()
    watcher = None
    if options.with_parent:
        watcher = asyncio.create_task(_watch_parent(parent, stopped))
    try:
        await serve(practice, listener, stopped)
    finally:
        if watcher:
            watcher.cancel()


def _greeting(practice: Practice) -> str:
    lines = ["The practice world is open. Nothing in it is real."]
    for name, value in practice.addresses().items():
        if name == "wallets":
            continue  # keys are for programs: --json gives them
        shown = value if not isinstance(value, list) else "\n             ".join(value)
        lines.append(f"  {name:<10} {shown}")
    return "\n".join([*lines, "Stop it with ctrl-c.", ""])


def _seconds_of_speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most {SPEED_MAX:g}, not {text}")
    return speed


class _Fault(argparse.Action):
    """``--fault NAME=RATE``, as often as wanted."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        try:
            namespace.fault = parse_fault(namespace.fault, values)
        except BadFault as error:
            raise argparse.ArgumentError(self, str(error)) from None
        namespace.fault_seeded |= values.startswith("seed")


def faults_of(options: argparse.Namespace) -> Faults:
    """The faults asked for; their chance comes from the world's seed unless they name one."""
    faults: Faults = options.fault
    return faults if options.fault_seeded else replace(faults, seed=options.seed)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"must be 0 to 65535, not {text}")
    return port


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="ftt practice",
        description="Serve a practice venue and newsroom on this machine alone.",
        epilog="Example: ftt practice --json --port 0 --seed 7 --speed 60",
    )
    options.add_argument("--json", action="store_true", help="print one JSON line of addresses")
    options.add_argument("--port", type=_port, default=0, help="0 takes a free one (default)")
    options.add_argument("--seed", type=int, default=7, help="the same seed, the same world")
    options.add_argument(
        "--speed",
        type=_seconds_of_speed,
        default=1.0,
        help="world seconds a wall second; the world lags behind what a core can do, some 300",
    )
    options.add_argument(
        "--fault",
        action=_Fault,
        default=NO_FAULTS,
        metavar="NAME=RATE",
        help=f"let things go wrong, such as lost_reply=0.01; may be repeated: {', '.join(RATES)}",
    )
    options.set_defaults(fault_seeded=False)
    options.add_argument(
        "--self-trades",
        action="store_true",
        help="let a wallet's orders meet each other; usually the resting one is cancelled",
    )
    options.add_argument(
        "--limits", action="store_true", help="let the published rate limits refuse (429)"
    )
    options.add_argument(
        "--buyers-pay",
        action="store_true",
        help="let /price say for BUY what a buyer pays, not the best bid",
    )
    options.add_argument(
        "--flat-amounts",
        action="store_true",
        help="let market orders want four decimals at most, also on fine grids",
    )
    options.add_argument("--truth", type=Path, help="write what is true, as JSON lines, here")
    options.add_argument(
        "--with-parent", action="store_true", help="end when the process that started this ends"
    )
    return options


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. 0 when stopped, 1 when the port or file can't be had."""
    parent = os.getppid()  # now: it may be gone a moment later
    options = parser().parse_args(argv)
    try:
        with contextlib.ExitStack() as stack:
            stop = stack.enter_context(Stop())
            truth_file = None
            if options.truth:
                truth_file = stack.enter_context(options.truth.open("w", encoding="utf-8"))
            asyncio.run(_run(options, truth_file, parent, stop))
    except OSError as error:
        sys.stderr.write(f"practice: {error}\n")
        return 1
    return 0
