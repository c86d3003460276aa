"""How does a feed read? One answer a document, in the shape of ``ftt feeds check --json``."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

from feeds.markets import Nanos
from feeds.news.dates import iso
from feeds.news.entry import Entry, FeedError
from feeds.news.fetch import BODY_BYTES_MAX, Failed, Fetched, Fetcher, Validators
from feeds.news.unpack import PackingError, unpacked
from feeds.news.worker import ParseWorker
from feeds.text import safe_url

CHECK_PARSE_S_MAX = 10.0


class CheckedEntry(TypedDict):
    """One item; times are ISO 8601 in UTC or None."""

    id: str
    title: str
    url: str
    published: str | None
    updated: str | None
    summary: str
    author: str
    language: str


class CheckResult(TypedDict):
    """One document; ``error`` is a sentence where ``ok`` is false, else None."""

    source: str
    ok: bool
    error: str | None
    format: str | None
    title: str
    entries: list[CheckedEntry]


def check(target: str, timezone: str = "") -> CheckResult:
    """Read one file or http(s) address. ``timezone`` is as in ``Source``."""
    return next(check_many([target], timezones={target: timezone}))


def check_many(
    targets: Iterable[str], contact: str = "", timezones: Mapping[str, str] = MappingProxyType({})
) -> Iterator[CheckResult]:
    """Read each, in order, each answer as soon as it is there. ``contact`` is told to publishers,
    ``timezones`` are those of dates without one, by target.

    Documents are parsed in a process of their own, as the poller does, so that the worst of them
    can only earn a sentence. Not to be called from a running event loop.
    """
    fetcher, parser = Fetcher(contact=contact), ParseWorker(CHECK_PARSE_S_MAX)
    with asyncio.Runner() as runner:
        try:
            for target in targets:
                yield runner.run(_check(target, fetcher, parser, timezones.get(target, "")))
        finally:
            runner.run(_close(fetcher, parser))


async def _close(fetcher: Fetcher, parser: ParseWorker) -> None:
    await fetcher.aclose()
    await parser.aclose()


async def _check(target: str, fetcher: Fetcher, parser: ParseWorker, timezone: str) -> CheckResult:
    shown = target.encode("utf-8", "replace").decode()  # file names may hold any bytes
    try:
        document = await _fetched(target, fetcher) if safe_url(target) else _filed(target)
        feed = await parser.parse(document.body, document.url, document.charset, timezone)
    except FeedError as error:
        return CheckResult(
            source=shown, ok=False, error=str(error), format=None, title="", entries=[]
        )
    return CheckResult(
        source=shown,
        ok=True,
        error=None,
        format=feed.format,
        title=feed.title,
        entries=[_shown(entry) for entry in feed.entries],
    )


async def _fetched(url: str, fetcher: Fetcher) -> Fetched:
    result = await fetcher.fetch(url)
    if isinstance(result, Fetched):
        return result
    raise FeedError(result.sentence if isinstance(result, Failed) else "Nothing came back.")


def _filed(path: str) -> Fetched:
    try:
        with Path(path).open("rb") as file:
            body = file.read(BODY_BYTES_MAX + 1)
    except FileNotFoundError:
        raise FeedError(
            "There is no such file; an address must start with https:// or http://."
        ) from None
    except (OSError, ValueError) as error:  # a folder, no permission, a NUL in the name
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FeedError(f"The file can't be read ({why.lower()}); check its path.") from None
    try:
        return Fetched(unpacked(body, BODY_BYTES_MAX), "", "", Validators())
    except PackingError as error:
        raise FeedError(error.sentence) from None


def _shown(entry: Entry) -> CheckedEntry:
    return CheckedEntry(
        id=entry.guid,
        title=entry.title,
        url=entry.url,
        published=_time(entry.published_ns),
        updated=_time(entry.updated_ns),
        summary=entry.summary,
        author=entry.author,
        language=entry.language,
    )


def _time(nanos: Nanos | None) -> str | None:
    return None if nanos is None else iso(nanos)
