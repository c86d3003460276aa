"""Poll every source at its own pace and tell what is new: fetch, parse, judge, one after another.

A bad feed costs its own schedule and nobody else's: expected trouble becomes a sentence in its
health row; anything else is a bug of ours and surfaces from ``run``.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from enum import Enum
from hashlib import blake2b
from urllib.parse import urlsplit

import msgspec

from feeds.clock import Clock
from feeds.decoding import Unreadable, decoded
from feeds.events import Story
from feeds.markets import SECOND, Nanos
from feeds.news import poll_interval as rhythm
from feeds.news.dedupe import Deduper, MemoryFormatError, Verdict, ended
from feeds.news.entry import Entry, FeedError, ParserTrouble
from feeds.news.fetch import Failed, Fetched, Fetcher, NotModified, Reason, Validators
from feeds.news.source import SOURCES_MAX, Source
from feeds.news.worker import ParseWorker
from feeds.text import safe_url

SPREAD_S = 3.0
"""The first polls start within so many market seconds."""
JITTER = 0.1
BACKOFF_S_MAX = 6 * 3_600.0
POLL_WALL_S_MIN = 0.1
"""However fast a practice world runs, its newsroom is left to breathe."""
TRUSTED_FETCHES_MAX = 192
SUSPECT_FETCHES_MAX = 64
"""Sources whose last fetch failed share so few places that they can't fill the others'."""
SITE_FETCHES_MAX = 2
SITE_GAP_S = 2.0
"""Market seconds between two requests to one site: its newsletters share one limit."""


class SourceState(Enum):
    """How a source is doing."""

    WAITING = "waiting"
    OK = "ok"
    FROZEN = "frozen"
    FAILING = "failing"
    THROTTLED = "throttled"
    PARKED = "parked"
    OFF = "off"


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """What happened to one source since the start."""

    polls: int = 0
    unchanged: int = 0
    failures: int = 0
    new: int = 0
    edits: int = 0
    repeats: int = 0
    noise: int = 0
    old: int = 0


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One source's row: market times in nanoseconds, 0 for never; the sentence is for people.

    ``newest_ns`` is the date of its newest item.
    """

    source_id: str
    name: str
    url: str
    state: SourceState
    last_success_ns: Nanos = 0
    next_poll_ns: Nanos = 0
    newest_ns: Nanos = 0
    sentence: str = ""
    counts: Counts = Counts()


class Hints(msgspec.Struct, frozen=True):
    """What the last answers say about the next poll."""

    failures: int = 0
    retry_after_s: float = 0.0


class _Remembered(msgspec.Struct, array_like=True):
    """What a source's next request needs to know of its last one."""

    validators: Validators
    body_hash: bytes
    moved_to: str
    asked: str
    stamps: tuple[Nanos, ...] = ()
    last_success_ns: Nanos = 0


class _Memory(msgspec.Struct, array_like=True):
    judge: bytes
    sources: dict[str, _Remembered]


_decode_memory = msgspec.msgpack.Decoder(_Memory).decode


class _Followed:
    """One source on its way through the polls."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.url = source.url
        self.validators = Validators()
        self.body_hash = b""
        self.unreadable = ""
        self.hints = Hints()
        self.stamps: tuple[Nanos, ...] = ()
        self.health = SourceHealth(
            source_id=source.id,
            name=source.name,
            url=source.url,
            state=SourceState.WAITING if source.enabled else SourceState.OFF,
            sentence="" if source.enabled else "Switched off in the configuration.",
        )

    def note(self, **changes: object) -> None:
        self.health = msgspec.structs.replace(self.health, **changes)

    def count(self, **more: int) -> None:
        counts = self.health.counts
        self.note(
            counts=msgspec.structs.replace(
                counts, **{name: getattr(counts, name) + n for name, n in more.items()}
            )
        )

    def remembered(self) -> _Remembered:
        return _Remembered(
            self.validators,
            self.body_hash,
            self.url,
            self.source.url,
            self.stamps,
            self.health.last_success_ns,
        )

    def wait_s(self, now_ns: Nanos) -> float:
        source = self.source
        return rhythm.wait_s(self.stamps, now_ns, source.every_s, source.slowest_s)

    def is_parked(self) -> bool:
        return self.health.state is SourceState.PARKED

    def has_read(self, fetched: Fetched) -> bool:
        return _hash(fetched.body) == self.body_hash

    def have_read(self, fetched: Fetched, unreadable: str = "") -> None:
        self.body_hash, self.validators = _hash(fetched.body), fetched.validators
        self.unreadable = unreadable

    def succeed(self, now_ns: Nanos, sentence: str) -> None:
        self.hints = Hints()
        frozen = rhythm.is_frozen(self.stamps, now_ns)
        if frozen:
            days = (now_ns - self.stamps[0]) // (86_400 * SECOND)
            sentence = (
                f"The newest item is {days} days old: "
                "the feed may be frozen; look for another address."
            )
        state = SourceState.FROZEN if frozen else SourceState.OK
        self.note(state=state, sentence=sentence, last_success_ns=now_ns)

    def fail(self, sentence: str, reason: Reason | None = None, retry_after_s: float = 0) -> None:
        self.hints = Hints(self.hints.failures + 1, retry_after_s)
        states = {Reason.THROTTLED: SourceState.THROTTLED, Reason.GONE: SourceState.PARKED}
        state = states.get(reason, SourceState.FAILING) if reason else SourceState.FAILING
        self.note(state=state, sentence=sentence)
        self.count(failures=1)


class NewsPoller:
    """Follows ``sources``; calls ``on_story`` for each new or edited story and ``on_health`` for
    each row that changed, both from the loop that runs it.

    ``memory`` is what ``memory()`` gave before a restart. ``chance`` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        clock: Clock,
        on_story: Callable[[Story], None],
        on_health: Callable[[SourceHealth], None] = lambda health: None,
        *,
        memory: bytes = b"",
        fetcher: Fetcher | None = None,
        parser: ParseWorker | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Raises ``ValueError`` for two sources of one id, ``MemoryFormatError`` for bytes that
        are no memory."""
        if len({source.id for source in sources}) < len(sources) or len(sources) > SOURCES_MAX:
            raise ValueError(f"sources must be at most {SOURCES_MAX}, each with an id of its own")
        self._clock = clock
        self._on_story = on_story
        self._on_health = on_health
        self._chance = chance
        self._fetcher = fetcher or Fetcher()
        self._parser = parser or ParseWorker()
        self._places = _Places(clock)
        self._followed = {source.id: _Followed(source) for source in sources}
        self._judge = Deduper()
        if memory:
            self._remember(memory)

    async def run(self) -> None:
        """Poll until cancelled. Closes its connections and its worker on the way out."""
        try:
            async with asyncio.TaskGroup() as tasks:
                if any(followed.source.enabled for followed in self._followed.values()):
                    tasks.create_task(self._parser.warm(), name="parser")
                for followed in self._followed.values():
                    self._on_health(followed.health)
                    if followed.source.enabled:
                        tasks.create_task(self._follow(followed), name=followed.source.id)
                await asyncio.Event().wait()  # though every source may be parked one day
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close connections and worker; harmless twice."""
        await self._fetcher.aclose()
        await self._parser.aclose()

    def health(self) -> list[SourceHealth]:
        """Every source's row, in the order of the configuration."""
        return [followed.health for followed in self._followed.values()]

    def memory(self) -> bytes:
        """What a restart needs so as to tell nothing twice and to ask conditionally."""
        return ended(self._packing())

    async def memory_gently(self) -> bytes:
        """``memory()`` while the books move on."""
        packing = self._packing()
        while True:
            try:
                next(packing)
            except StopIteration as stop:
                found: bytes = stop.value
                return found
            await asyncio.sleep(0)

    def _packing(self) -> Generator[None, None, bytes]:
        # before the judge: what is heard while it packs is asked for again, not lost
        sources = {name: f.remembered() for name, f in self._followed.items() if not f.unreadable}
        judge = yield from self._judge.packing()
        return msgspec.msgpack.encode(_Memory(judge, sources))

    def _remember(self, memory: bytes) -> None:
        try:
            kept = decoded(_decode_memory, memory)
        except Unreadable as error:
            raise MemoryFormatError(
                "The memory of told stories can't be read: remove the file to start afresh."
            ) from error
        self._judge = Deduper.remembering(kept.judge)
        for name, before in kept.sources.items():
            followed = self._followed.get(name)
            # a source whose address was changed in the configuration starts anew
            if followed is not None and before.asked == followed.source.url:
                followed.validators, followed.body_hash = before.validators, before.body_hash
                followed.stamps = rhythm.newest(before.stamps)
                followed.note(
                    last_success_ns=before.last_success_ns, newest_ns=_newest(followed.stamps)
                )
                if safe_url(before.moved_to):
                    followed.url = before.moved_to

    async def _follow(self, followed: _Followed) -> None:
        await self._clock.sleep(SPREAD_S * self._chance())
        while True:
            async with self._places.one(followed.url, suspect=followed.hints.failures > 0):
                await self._poll(followed)
            if followed.is_parked():
                followed.note(next_poll_ns=0)
                self._on_health(followed.health)
                return
            now_ns = self._clock.now_ns()
            wait_s = followed.wait_s(now_ns)
            at_ns = next_poll_ns(now_ns, wait_s, followed.hints, self._chance())
            followed.note(next_poll_ns=at_ns)
            self._on_health(followed.health)
            await self._wait_until(at_ns)

    async def _wait_until(self, at_ns: Nanos) -> None:
        wait_ns = max(at_ns - self._clock.now_ns(), 0)
        wall_s = self._clock.wall_seconds(wait_ns)
        await self._clock.sleep(wait_ns / SECOND)
        if wall_s < POLL_WALL_S_MIN:
            await asyncio.sleep(POLL_WALL_S_MIN - wall_s)

    async def _poll(self, followed: _Followed) -> None:
        followed.count(polls=1)
        result = await self._fetcher.fetch(followed.url, followed.validators)
        now_ns = self._clock.now_ns()
        if isinstance(result, Failed):
            followed.fail(result.sentence, result.reason, result.retry_after_s)
            return
        followed.url = result.moved_to or followed.url
        if isinstance(result, NotModified) or followed.has_read(result):
            followed.count(unchanged=1)
            if followed.unreadable:
                followed.fail(followed.unreadable)
            else:
                followed.succeed(now_ns, "Nothing new.")
            return
        await self._read(followed, result, now_ns)

    async def _read(self, followed: _Followed, fetched: Fetched, now_ns: Nanos) -> None:
        try:
            feed = await self._parser.parse(
                fetched.body, fetched.url, fetched.charset, followed.source.timezone
            )
        except ParserTrouble as error:
            followed.fail(str(error))
            return
        except FeedError as error:
            followed.have_read(fetched, unreadable=str(error))
            followed.fail(str(error))
            return
        followed.stamps = rhythm.newest(_stamps(feed.entries, now_ns))
        followed.note(newest_ns=_newest(followed.stamps))
        told = followed.health.counts.new
        await self._tell(followed, feed.entries, now_ns)
        followed.have_read(fetched)  # only now: who is stopped half-way asks for all of it again
        fresh = followed.health.counts.new - told
        followed.succeed(now_ns, f"{len(feed.entries)} items, {fresh} new.")

    async def _tell(self, followed: _Followed, entries: tuple[Entry, ...], now_ns: Nanos) -> None:
        verdicts = self._judge.judge_feed(entries, followed.source, now_ns)
        for judged in verdicts:
            followed.count(**{_COUNTED[judged.verdict]: 1})
            if judged.story is not None:
                self._on_story(judged.story)
            await asyncio.sleep(0)  # the books move between two stories


_COUNTED = {
    Verdict.NEW: "new",
    Verdict.EDIT: "edits",
    Verdict.REPEAT: "repeats",
    Verdict.NOISE: "noise",
    Verdict.OLD: "old",
}


_GENERAL = frozenset(("ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"))


def next_poll_ns(now_ns: Nanos, every_s: float, hints: Hints, chance: float) -> Nanos:
    """When to ask again: the interval, doubled by each failure up to ``BACKOFF_S_MAX``, not
    before the server's own wish, and moved by up to a tenth by ``chance`` (0 to 1).
    """
    wait_s = min(every_s * 2.0 ** min(hints.failures, 20), max(BACKOFF_S_MAX, every_s))
    wait_s *= 1.0 + JITTER * (2.0 * chance - 1.0)
    # a wish is a floor: what jitter there is goes upwards
    floor_s = hints.retry_after_s * (1.0 + JITTER * chance)
    return now_ns + int(max(wait_s, floor_s) * SECOND)


def site_of(url: str) -> str:
    """Whose server an address is on, roughly: the last two labels of its host, or three where the
    second is one of the general ones (co.uk, com.cn)."""
    host = urlsplit(url).hostname or ""
    if host.replace(".", "").isdigit() or ":" in host:
        return host
    labels = host.split(".")
    general = len(labels) > 2 and labels[-2] in _GENERAL and len(labels[-1]) == 2
    return ".".join(labels[-3 if general else -2 :])


def _newest(stamps: tuple[Nanos, ...]) -> Nanos:
    return stamps[0] if stamps else 0


def _hash(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()


def _stamps(entries: tuple[Entry, ...], now_ns: Nanos) -> Iterator[Nanos]:
    for entry in entries:
        stamp = entry.published_ns if entry.published_ns is not None else entry.updated_ns
        if stamp is not None:
            yield min(stamp, now_ns)


class _Places:
    """Who may fetch at the same time: few who failed, and two a site with a pause between.

    This machine's own ports are spared the politeness: a practice newsroom serves every source
    from one, the slow ones too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trusted = asyncio.Semaphore(TRUSTED_FETCHES_MAX)
        self._suspect = asyncio.Semaphore(SUSPECT_FETCHES_MAX)
        self._sites: dict[str, asyncio.Semaphore] = {}
        self._next_ns: dict[str, Nanos] = {}

    @contextlib.asynccontextmanager
    async def one(self, url: str, *, suspect: bool) -> AsyncIterator[None]:
        site = site_of(url)
        async with contextlib.AsyncExitStack() as stack:
            if site not in ("localhost", "127.0.0.1", "::1"):
                polite = self._sites.setdefault(site, asyncio.Semaphore(SITE_FETCHES_MAX))
                await stack.enter_async_context(polite)
                await self._pause(site)
            await stack.enter_async_context(self._suspect if suspect else self._trusted)
            yield

    async def _pause(self, site: str) -> None:
        now_ns = self._clock.now_ns()
        at_ns = max(self._next_ns.get(site, 0), now_ns)
        self._next_ns[site] = at_ns + int(SITE_GAP_S * SECOND)
        await self._clock.sleep((at_ns - now_ns) / SECOND)
