"""New, repeat, edit, noise or old? Pure: entries and the time come in, verdicts go out.

A story keeps its identity while its address, or its publisher's id for it, or nearly all its
words stay; it joins the cluster of the first story that told the same happening.
"""

from collections import Counter, OrderedDict
from collections.abc import Generator, Iterable, Iterator
from enum import Enum
from hashlib import blake2b
from itertools import chain
from urllib.parse import urlsplit

import msgspec

from feeds.decoding import decoded
from feeds.events import Story
from feeds.markets import MINUTE, SECOND, Nanos
from feeds.news.clustering import Clusters
from feeds.news.entry import Entry
from feeds.news.language import reconciled
from feeds.news.normalise import (
    contradicts,
    fingerprint,
    numbers,
    overlap,
    packed,
    terms,
    unpacked,
    without_furniture,
)
from feeds.news.similarity_index import Indexed, Near, Search, SimilarityIndex
from feeds.news.source import SOURCES_MAX, Source
from feeds.news.story_features import gist
from feeds.text import printable

HOUR: Nanos = 60 * MINUTE
FIRST_FETCH_AGE_MAX: Nanos = 24 * HOUR
"""At the first fetch what is older than this was news before we came."""
LATE_AGE_MAX: Nanos = 7 * 24 * HOUR
"""Later on, what is older than this is an archive put back, not a late story."""
SAME_STORY_AGE_MAX: Nanos = 48 * HOUR
PLAUSIBLE_NS_MIN: Nanos = 631_152_000 * SECOND
"""1990: a stamp before it is a zero in the publisher's database."""
REWRITES_MAX = 5
SEEN_PER_SOURCE_MAX = 1_500
NAMES_MAX = 4
TOLD_MAX = 8

SAME_TEXT_MIN = 0.8
REUSED_ID_OVERLAP_MIN = 0.2
RETOLD_NOVELTY_MAX = 0.3
HEADLINE_CHARS_MAX = 120
PACKED_AT_ONCE = 100

_VERSION = 2


class Verdict(Enum):
    """What an entry is to us. ``NOISE`` is an entry that changes too often, or says nothing."""

    NEW = "new"
    REPEAT = "repeat"
    EDIT = "edit"
    NOISE = "noise"
    OLD = "old"


class Deduped(msgspec.Struct, frozen=True):
    """A verdict, with the story to tell where it is ``NEW`` or ``EDIT``."""

    verdict: Verdict
    story: Story | None = None


def ended(work: Generator[None, None, bytes]) -> bytes:
    """What stepwise work comes to, all steps at once."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            found: bytes = stop.value
            return found


class MemoryFormatError(ValueError):
    """Bytes that are not a judge's memory; the text says what to do."""


class _Seen(msgspec.Struct, array_like=True):
    """An entry we know: by which names, what it said, and what we made of it."""

    story_id: str
    names: list[str]
    told: list[int]
    terms: bytes
    first_seen_ns: Nanos
    published_ns: Nanos | None
    cluster_id: str
    novelty: float
    revision: int = 0
    is_old: bool = False


class _State(msgspec.Struct, array_like=True):
    version: int
    sources: dict[str, list[_Seen]]
    near: list[list[Indexed]]


_decode_state = msgspec.msgpack.Decoder(_State).decode

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")  # sets go out sorted


class _SourceMemory:
    """What one source has said, the longest unseen first."""

    def __init__(self) -> None:
        self.seen: OrderedDict[str, _Seen] = OrderedDict()
        self.by_name: dict[str, _Seen] = {}

    def add(self, seen: _Seen) -> None:
        self.seen[seen.story_id] = seen
        self.by_name.update(dict.fromkeys(seen.names, seen))
        while len(self.seen) > SEEN_PER_SOURCE_MAX:
            _, gone = self.seen.popitem(last=False)
            for name in gone.names:
                if self.by_name.get(name) is gone:
                    del self.by_name[name]

    def touch(self, seen: _Seen, names: Iterable[str]) -> None:
        """``seen`` was there again, perhaps by another name."""
        self.seen.move_to_end(seen.story_id)
        for name in names:
            if name not in self.by_name and len(seen.names) < NAMES_MAX:
                seen.names.append(name)
                self.by_name[name] = seen


class Deduper:
    """Remembers what was told. ``memory()`` survives a restart by ``Deduper.remembering``."""

    def __init__(self) -> None:
        self._sources: OrderedDict[str, _SourceMemory] = OrderedDict()
        self._near = SimilarityIndex()
        self._clusters = Clusters(self._near)

    def knows(self, source_id: str) -> bool:
        """Whether this source was ever judged: its next fetch is then not the first."""
        return source_id in self._sources

    def judge_feed(
        self, entries: Iterable[Entry], source: Source, now_ns: Nanos
    ) -> Iterator[Deduped]:
        """A verdict for each entry of one fetched document, the last (oldest) first.

        An iterator, so that the caller may let others run between stories.
        """
        entries = list(entries)
        first_fetch = not self.knows(source.id)
        self._memory_of(source.id)
        items = {(entry.url, entry.guid or entry.title) for entry in entries}
        urls = Counter(url for url, _ in items)
        for entry in reversed(entries):
            # where several items share an address it is the page's, not the story's
            shared = urls[entry.url] > 1
            yield self.judge(
                entry, source, now_ns, first_fetch=first_fetch, url_is_identity=not shared
            )

    def judge(
        self,
        entry: Entry,
        source: Source,
        now_ns: Nanos,
        *,
        first_fetch: bool = False,
        url_is_identity: bool = True,
    ) -> Deduped:
        """A verdict for one entry, heard at ``now_ns``."""
        entry = _cleaned(entry)
        if not entry.title:
            return Deduped(Verdict.NOISE)
        memory = self._memory_of(source.id)
        names = _names(entry, url_is_identity)
        seen = _known(memory, entry, names)
        if seen is None:
            self._near.forget(now_ns)
            search = self._near.search(gist(entry.title, entry.summary))
            near = search.closest()
            seen = _republished(memory, entry, near, source, now_ns)
            if seen is None:
                return self._first(entry, source, now_ns, names, search, near, first_fetch)
        memory.touch(seen, names)
        judged = _again(seen, entry, source, now_ns)
        if judged.verdict is Verdict.EDIT:
            self._near.edit(seen.story_id, entry.title, gist(entry.title, entry.summary))
        return judged

    def memory(self) -> bytes:
        """All that must be remembered so that a restart tells nothing twice."""
        return ended(self.packing())

    def packing(self) -> Generator[None, None, bytes]:
        """``memory()`` in steps of a millisecond or so, for a loop that has other work."""
        near = self._near.stories()
        sources: dict[str, msgspec.Raw] = {}
        for name, memory in list(self._sources.items()):
            sources[name] = msgspec.Raw(_ENCODER.encode(list(memory.seen.values())))
            yield
        pieces: list[msgspec.Raw] = []
        for at in range(0, len(near), PACKED_AT_ONCE):
            pieces.append(msgspec.Raw(_ENCODER.encode(near[at : at + PACKED_AT_ONCE])))
            yield
        return msgspec.msgpack.encode((_VERSION, sources, pieces))

    @classmethod
    def remembering(cls, data: bytes) -> "Deduper":
        """The judge whose ``memory()`` this was. Raises ``MemoryFormatError``."""
        try:
            state = decoded(_decode_state, data)
            if state.version != _VERSION:
                raise ValueError(f"version {state.version}")
            judge = cls()
            for name, known in state.sources.items():
                memory = judge._memory_of(name)
                for seen in known:
                    memory.add(seen)
            for story in chain.from_iterable(state.near):
                judge._near.add(story)
        except ValueError as error:
            raise MemoryFormatError(
                f"The memory of told stories can't be read ({printable(str(error), 80)}): "
                "remove the file to start afresh."
            ) from error
        return judge

    def _memory_of(self, source_id: str) -> _SourceMemory:
        memory = self._sources.get(source_id)
        if memory is None:
            memory = self._sources[source_id] = _SourceMemory()
            while len(self._sources) > SOURCES_MAX:
                self._sources.popitem(last=False)
        self._sources.move_to_end(source_id)
        return memory

    def _first(
        self,
        entry: Entry,
        source: Source,
        now_ns: Nanos,
        names: list[str],
        search: Search,
        near: Near | None,
        first_fetch: bool,
    ) -> Deduped:
        memory = self._memory_of(source.id)
        published_ns, note = _arrival(entry, now_ns)
        seen = _Seen(
            story_id=_story_id(source.id, entry, names, memory),
            names=names,
            told=[fingerprint(entry.title, entry.summary)],
            terms=packed(terms(f"{entry.title} {entry.summary}")),
            first_seen_ns=now_ns,
            published_ns=published_ns,
            cluster_id="",
            novelty=1.0,
            is_old=_is_old(published_ns, now_ns, first_fetch),
        )
        kin = self._clusters.told_before(search, source.id, now_ns)
        seen.cluster_id = kin or seen.story_id
        seen.novelty = _novelty(near, retold=bool(kin))
        memory.add(seen)
        if seen.is_old:
            return Deduped(Verdict.OLD)
        self._near.add(
            Indexed(now_ns, seen.story_id, seen.cluster_id, source.id, entry.title, search.gist)
        )
        return Deduped(Verdict.NEW, _story(seen, entry, source, now_ns, note))


def url_key(url: str) -> str:
    """An address without what differs between two spellings of one page; "" for none.

    The bare front page of a site names no story.
    """
    parts = urlsplit(url)
    host = (parts.netloc.removeprefix("www.").removeprefix("m.")).removeprefix("amp.")
    path = parts.path.rstrip("/").removesuffix("/amp").removesuffix("/index.html")
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    if not (path or query or parts.fragment):
        return ""
    return f"{host}{path}?{query}#{parts.fragment}"


def _cleaned(entry: Entry) -> Entry:
    summary = without_furniture(entry.summary)
    title = entry.title or printable(summary.split("\n")[0], HEADLINE_CHARS_MAX)
    return msgspec.structs.replace(entry, title=title, summary=summary)


def _names(entry: Entry, url_is_identity: bool) -> list[str]:
    key = url_key(entry.url) if url_is_identity else ""
    names = [f"u:{key}"] if key else []
    names += [f"g:{entry.guid}"] if entry.guid else []
    return names or [f"t:{fingerprint(entry.title, entry.summary):x}"]


def _known(memory: _SourceMemory, entry: Entry, names: list[str]) -> _Seen | None:
    for name in names:
        seen = memory.by_name.get(name)
        if seen is None:
            continue
        # an address is a page's own; publishers' ids are sometimes counted from one again
        if name.startswith("u:") or not _is_reused(seen, entry, names):
            return seen
    return None


def _is_reused(seen: _Seen, entry: Entry, names: list[str]) -> bool:
    address = next((name for name in names if name.startswith("u:")), "")
    known = [name for name in seen.names if name.startswith("u:")]
    if not address or not known or address in known:
        return False
    said = terms(f"{entry.title} {entry.summary}")
    return overlap(said, unpacked(seen.terms)) < REUSED_ID_OVERLAP_MIN


def _republished(
    memory: _SourceMemory, entry: Entry, near: Near | None, source: Source, now_ns: Nanos
) -> _Seen | None:
    """The same source's story that this one is, under another address and another id."""
    if near is None or near.story.source != source.id:
        return None
    seen = memory.seen.get(near.story.story_id)
    if seen is None or now_ns - seen.first_seen_ns > SAME_STORY_AGE_MAX:
        return None
    said = terms(f"{entry.title} {entry.summary}")
    known = unpacked(seen.terms)
    if overlap(said, known) < SAME_TEXT_MIN or contradicts(entry.title, near.story.title):
        return None
    # "closes at 180" is not "closes at 181"
    same_numbers = terms(" ".join(sorted(numbers(f"{entry.title} {entry.summary}")))) <= known
    return seen if same_numbers else None


def _again(seen: _Seen, entry: Entry, source: Source, now_ns: Nanos) -> Deduped:
    said = fingerprint(entry.title, entry.summary)
    if said in seen.told or seen.is_old:
        return Deduped(Verdict.REPEAT)
    if seen.revision >= REWRITES_MAX:  # some publishers print the time of day into every item
        return Deduped(Verdict.NOISE)
    seen.told = [*seen.told, said][-TOLD_MAX:]
    seen.terms = packed(terms(f"{entry.title} {entry.summary}"))
    seen.revision += 1
    published_ns, note = _arrival(entry, now_ns)
    if seen.published_ns is None:
        seen.published_ns = published_ns
    elif seen.published_ns != published_ns:
        note = ""  # about a stamp that the story does not carry
    return Deduped(Verdict.EDIT, _story(seen, entry, source, now_ns, note))


def _arrival(entry: Entry, now_ns: Nanos) -> tuple[Nanos | None, str]:
    """The stamp we believe, with a note where it is not the publisher's own."""
    stamp = entry.published_ns if entry.published_ns is not None else entry.updated_ns
    if stamp is None:
        return None, ""
    if stamp < PLAUSIBLE_NS_MIN:
        return None, "dated before 1990; taken as undated"
    if stamp > now_ns:
        return now_ns, f"dated {_span(stamp - now_ns)} ahead; taken as the arrival"
    return stamp, ""


def _span(nanos: Nanos) -> str:
    for unit, size in (("d", 24 * HOUR), ("h", HOUR), ("min", MINUTE)):
        if nanos >= size:
            return f"{nanos // size} {unit}"
    return f"{max(nanos // SECOND, 1)} s"


def _is_old(published_ns: Nanos | None, now_ns: Nanos, first_fetch: bool) -> bool:
    if published_ns is None:
        return first_fetch  # it may have stood there for a year
    return now_ns - published_ns > (FIRST_FETCH_AGE_MAX if first_fetch else LATE_AGE_MAX)


def _novelty(near: Near | None, *, retold: bool) -> float:
    """1 for what is like nothing told in days; a retelling is never very new."""
    novelty = 1.0 if near is None else round(1.0 - max(near.title, near.text), 3)
    return min(novelty, RETOLD_NOVELTY_MAX) if retold else novelty


def _story_id(source_id: str, entry: Entry, names: list[str], memory: _SourceMemory) -> str:
    said = f"{entry.title}\0{entry.summary}"
    story_id = _short_hash(f"{source_id}\0{names[0]}")
    if story_id in memory.seen:  # an id used again for another story
        story_id = _short_hash(f"{source_id}\0{names[0]}\0{said}")
    return story_id


def _short_hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=7).hexdigest()


def _story(seen: _Seen, entry: Entry, source: Source, now_ns: Nanos, note: str) -> Story:
    return Story(
        at_ns=now_ns,
        id=seen.story_id,
        source=source.id,
        source_name=source.name,
        title=entry.title,
        summary=entry.summary,
        url=entry.url,
        published_ns=seen.published_ns,
        first_seen_ns=seen.first_seen_ns,
        cluster_id=seen.cluster_id,
        novelty=seen.novelty,
        revision=seen.revision,
        language=reconciled(source.language or entry.language, f"{entry.title} {entry.summary}"),
        author=entry.author,
        date_note=note,
        trust=source.trust,
    )
