"""Spoilt documents by the thousand: `python -m tests.feeds.news.fuzz COUNT SEED [FOLDER]`.

Prints one JSON object: how many were read and refused, the slowest in seconds, the peak memory in
MB. Ends with a traceback at the first document that raises anything but a refusal, or hangs.
"""

import json
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from feeds.news.entry import ENTRIES_MAX, FeedError, ParsedFeed
from feeds.news.parse import parse_feed
from tests.feeds.news.newsroom import item, rss
from tests.feeds.test_text import complaints

HANG_S = 2.0
SEED_BYTES_MAX = 12_000
MUTATIONS = (1, 1, 1, 2, 2, 3, 6)
"""How many wounds a document gets: most one or two, so that most can still be read in part."""

ATOM = """<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"
 xml:lang="en" xml:base="https://a.example/"><title type="html">A &lt;b&gt;feed&lt;/b&gt;</title>
<updated>2026-11-24T14:02:11Z</updated><id>urn:a</id><entry><title>Chips 量子位 ✓</title><id>1</id>
<link href="/1?utm_source=x"/><published>2026-11-24T14:00:00+08:00</published><author><name>A</name>
</author><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Body <a href="x">y</a>
</p>
</div></content></entry></feed>"""
RDF = """<?xml version="1.0" encoding="ISO-8859-1"?><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="http://r.example/"><title>R</title>
</channel><item rdf:about="http://r.example/1"><title>Wafer caf\xe9</title>
<link>http://r.example/1</link><dc:date>2026-11-24T14:02:11+01:00</dc:date><dc:creator>C</dc:creator>
<description><![CDATA[<p>One</p><script>x</script>]]></description></item></rdf:RDF>"""
JSON = """{"version":"https://jsonfeed.org/version/1.1","title":"J","language":"en","items":[
{"id":"1","url":"https://j.example/1","title":"A model","content_html":"<p>Text &amp; more</p>",
"date_published":"2026-11-24T14:02:11Z","authors":[{"name":"D"}]},{"id":2,"content_text":"short"}]}"""
OWN: tuple[bytes, ...] = (
    rss(
        item("One", "https://w.example/1", "Words", "Tue, 24 Nov 2026 14:02:11 +0800", "g1"),
        item("Two &amp; three", "/2", "<![CDATA[<p>More</p>]]>", "24 Nov 26 14:02 EST", "g2"),
    ),
    ATOM.encode(),
    RDF.encode("latin-1"),
    JSON.encode(),
    ATOM.encode("utf-16"),
    rss(item("漢字", summary="本文")).decode().encode("shift_jis", "replace"),
)
NASTY: tuple[bytes, ...] = (
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    b"<!DOCTYPE rss SYSTEM 'file:///etc/passwd'>",
    b"&a;&#0;&#27;&#x202e;&#xD800;&#x110000;&bogus;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.0' encoding='utf-7'?>",
    b"<?",
    b"</item>",
    b"<item>" * 40,
    b"<a b='" * 30,
    b"xmlns:x=''",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\x1b]52;c;eA==\x07",
    b"9" * 400,
    b"[" * 300,
    b'{"a":' * 120,
    b"<pubDate>99999-99-99T99:99:99Z</pubDate>",
    b"<pubDate>Mon, 31 Feb 0000 25:61:61 +9999</pubDate>",
    b"<link>javascript:alert(1)</link>",
    b"<link>http://[::1</link>",
    b"xml:base='javascript:x'",
    b"<content type='",
    b"mode='base64'",
    b"<svg><title>",
    b"<textinput>",
    b"<image>",
    b"&nbsp;",
    "\u202e\u2066\ufeff\U000e0041é\u0301\u0301\u0301\u0301\u0301\u0301".encode(),
)
Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def flipped(rng: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    spoilt = bytearray(body)
    for _n in range(rng.randint(1, 12)):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    return bytes(spoilt)


def shortened(rng: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    start = rng.randrange(len(body))
    return body[:start] + body[start + rng.randint(1, 200) :]


def cut_off(rng: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    return body[: rng.randrange(len(body)) + 1]


def repeated(rng: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    start = rng.randrange(len(body))
    piece = body[start : start + rng.randint(1, 120)]
    return body[:start] + piece * rng.randint(2, 20) + body[start:]


def spliced(rng: random.Random, body: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    return body[: rng.randrange(len(body))] + other[rng.randrange(len(other)) :]


def poisoned(rng: random.Random, body: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(body))
    return body[:at] + rng.choice(NASTY) + body[at:]


WOUNDS: tuple[Mutation, ...] = (flipped, shortened, cut_off, repeated, spliced, poisoned)


def document(number: int, seed: int, seeds: Sequence[bytes]) -> bytes:
    """The spoilt document of this number; the same for the same seed."""
    rng = random.Random(f"{seed} {number}")
    body = rng.choice(seeds)
    for _ in range(rng.choice(MUTATIONS)):
        body = rng.choice(WOUNDS)(rng, body or b"<", seeds)
    return body


def sane(feed: ParsedFeed) -> None:
    """Nothing past the door that a terminal would obey, and no more than was promised."""
    assert len(feed.entries) <= ENTRIES_MAX
    for entry in feed.entries:
        for line in (entry.guid, entry.title, entry.author, entry.language):
            assert not complaints(line), entry
        assert not complaints(entry.summary, newlines=True), entry
        assert entry.url == "" or entry.url.startswith(("http://", "https://")), entry


def read_or_refused(body: bytes) -> bool:
    """Whether it was read, sanely, rather than refused, in words; anything else raises."""
    sentence = "Read."
    try:
        sane(parse_feed(body, "https://f.example/feed"))
    except FeedError as refusal:
        sentence = str(refusal)
    assert sentence.endswith("."), sentence
    assert not complaints(sentence), sentence
    return sentence == "Read."


def hung(*_: object) -> None:
    raise AssertionError(f"a document took more than {HANG_S} s")


def run(count: int, seed: int, folder: Path | None) -> dict[str, float]:
    """Parse that many, and say how it went."""
    seeds = list(OWN)
    for path in sorted(folder.iterdir()) if folder else ():
        if path.suffix != ".md" and path.stat().st_size <= SEED_BYTES_MAX:
            seeds.append(path.read_bytes())
    signal.signal(signal.SIGALRM, hung)
    refused, slowest = 0, 0.0
    for number in range(count):
        body = document(number, seed, seeds)
        began = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, HANG_S)
        refused += not read_or_refused(body)
        signal.setitimer(signal.ITIMER_REAL, 0)
        slowest = max(slowest, time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "documents": count,
        "refused": refused,
        "slowest_s": round(slowest, 3),
        "peak_mb": round(peak),
    }


if __name__ == "__main__":
    print(
        json.dumps(
            run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else None)
        )
    )
