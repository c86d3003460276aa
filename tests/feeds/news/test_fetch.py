"""Against servers that behave as badly as servers do: each costs a sentence and no more."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from feeds.news.agent import user_agent
from feeds.news.fetch import (
    HOPS_MAX,
    RETRY_AFTER_S_MAX,
    Failed,
    Fetched,
    Fetcher,
    Limits,
    NotModified,
    Reason,
    Validators,
    hop_refusal,
    retry_after,
)
from tests.feeds.news.newsroom import (
    Handler,
    Newsroom,
    Request,
    answer,
    endless,
    item,
    raw,
    redirect,
    rss,
    write_answer,
)
from tests.feeds.test_text import complaints

BODY = rss(item("good"))
SMALL = Limits(first_byte_s=0.25, whole_s=0.5, body_bytes=100_000)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(SMALL)
    yield fetcher
    await fetcher.aclose()


async def test_a_document_comes_with_its_validators_and_charset(
    room: Newsroom, fetcher: Fetcher
) -> None:
    room.pages["/f"] = answer(
        BODY,
        etag='"v1"',
        last_modified="Tue, 24 Nov 2026 12:00:00 GMT",
        content_type="application/rss+xml; charset=koi8-r",
    )
    fetched = await fetcher.fetch(room.url("/f"))
    validators = Validators('"v1"', "Tue, 24 Nov 2026 12:00:00 GMT")
    assert fetched == Fetched(BODY, room.url("/f"), "koi8-r", validators)


async def test_known_validators_are_sent_and_a_304_is_not_modified(
    room: Newsroom, fetcher: Fetcher
) -> None:
    room.pages["/f"] = answer(b"", "304 Not Modified", content_length="")
    known = Validators('"v1"', "Tue, 24 Nov 2026 12:00:00 GMT")
    assert await fetcher.fetch(room.url("/f"), known) == NotModified()
    (request,) = room.requests
    assert request.headers["if-none-match"] == '"v1"'
    assert request.headers["if-modified-since"] == "Tue, 24 Nov 2026 12:00:00 GMT"


async def test_we_say_who_we_are_and_keep_no_cookies(room: Newsroom, fetcher: Fetcher) -> None:
    room.pages["/f"] = answer(BODY, set_cookie="id=1; Path=/")
    await fetcher.fetch(room.url("/f"))
    await fetcher.fetch(room.url("/f"))
    first, second = room.requests
    assert first.headers["user-agent"] == user_agent()
    assert user_agent().startswith("fit-to-trade/")
    assert first.headers["accept-encoding"] == "gzip, deflate"
    assert "cookie" not in second.headers


async def test_a_contact_is_told_where_the_user_gives_one(room: Newsroom) -> None:
    room.pages["/f"] = answer(BODY)
    fetcher = Fetcher(SMALL, contact="desk@reader.example")
    await fetcher.fetch(room.url("/f"))
    await fetcher.aclose()
    (request,) = room.requests
    assert request.headers["user-agent"] == user_agent("desk@reader.example")
    assert request.headers["user-agent"].endswith("(news reader; desk@reader.example)")


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("packed", "name"),
    [
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY[:50], mtime=0) + gzip.compress(BODY[50:], mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0) + b"\0" * 64, "gzip"),
        (zlib.compress(BODY), "deflate"),
        (bare_deflate(BODY), "deflate"),
        (BODY, "identity"),
        # headers that name no compression, or one that is not there
        (BODY, "none"),
        (BODY, "UTF-8"),
        (BODY, "aws-chunked"),
        (BODY, "gzip"),
        (BODY, "deflate"),
        (BODY, "br"),
        (b"\xef\xbb\xbf \n" + BODY, "zstd"),
        # ones that are there and not named, or named with others, or one inside the other
        (gzip.compress(BODY, mtime=0), ""),
        (gzip.compress(BODY, mtime=0), "identity"),
        (gzip.compress(BODY, mtime=0), "br"),
        (gzip.compress(BODY, mtime=0), "gzip, identity"),
        (gzip.compress(BODY, mtime=0), "aws-chunked, X-GZip"),
        (gzip.compress(gzip.compress(BODY, mtime=0), mtime=0), "gzip"),
        (gzip.compress(gzip.compress(BODY, mtime=0), mtime=0), "gzip, gzip"),
        (gzip.compress(zlib.compress(BODY), mtime=0), "deflate, gzip"),
        (zlib.compress(gzip.compress(BODY, mtime=0)), "gzip, deflate"),
    ],
)
async def test_compressed_documents_are_unpacked(
    room: Newsroom, fetcher: Fetcher, packed: bytes, name: str
) -> None:
    room.pages["/f"] = answer(packed, content_encoding=name)
    fetched = await fetcher.fetch(room.url("/f"))
    assert isinstance(fetched, Fetched)
    assert fetched.body.lstrip(b"\xef\xbb\xbf \n") == BODY


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b"\0" * 50_000_000)
BROTLI = bytes.fromhex("1b3a00f8057c1b0e8f0bd2b1f4a5c0031a00ffee")
NESTED = BODY
for _ in range(4):
    NESTED = gzip.compress(NESTED)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param(answer(b"oops", "500 Oops"), Reason.STATUS, id="500"),
        pytest.param(answer(b"", "404 Not Found"), Reason.STATUS, id="404"),
        pytest.param(answer(b"", "403 Forbidden"), Reason.STATUS, id="403"),
        pytest.param(answer(b"", "204 No Content"), Reason.STATUS, id="204"),
        pytest.param(
            answer(b"", "304 Not Modified", content_length=""), Reason.STATUS, id="unasked 304"
        ),
        pytest.param(answer(b"", "410 Gone"), Reason.GONE, id="410"),
        pytest.param(answer(b"", "429 Slow down"), Reason.THROTTLED, id="429"),
        pytest.param(answer(b"x" * 200_000), Reason.TOO_BIG, id="big"),
        pytest.param(answer(b"x", content_length="9999999999"), Reason.TOO_SLOW, id="promises"),
        pytest.param(answer(BOMB, content_encoding="gzip"), Reason.TOO_BIG, id="gzip bomb"),
        pytest.param(answer(BOMB * 2, content_encoding="gzip"), Reason.TOO_BIG, id="two bombs"),
        pytest.param(answer(b"junk!", content_encoding="gzip"), Reason.ENCODING, id="bad gzip"),
        pytest.param(answer(BROTLI, content_encoding="br"), Reason.ENCODING, id="brotli"),
        pytest.param(answer(BROTLI, content_encoding="deflate"), Reason.ENCODING, id="no zlib"),
        pytest.param(answer(NESTED), Reason.ENCODING, id="four times"),
        pytest.param(answer(gzip.compress(BOMB), status="200 OK"), Reason.TOO_BIG, id="in a file"),
        pytest.param(answer(gzip.compress(BODY)[:-9]), Reason.CUT_OFF, id="half a gzip file"),
        pytest.param(answer(gzip.compress(BODY)[:12]), Reason.CUT_OFF, id="a head of a file"),
        pytest.param(
            answer(gzip.compress(BODY, mtime=0)[:-20], content_encoding="gzip"),
            Reason.CUT_OFF,
            id="half gzip",
        ),
        pytest.param(raw(OK, b"Content-Length: 900\r\n\r\n<rss>"), Reason.CUT_OFF, id="cut off"),
        pytest.param(raw(b"SSH-2.0-OpenSSH\r\n\r\n"), Reason.CUT_OFF, id="not HTTP"),
        pytest.param(raw(OK, b"X: " + b"y" * 200_000), Reason.CUT_OFF, id="endless header"),
        pytest.param(raw(b""), Reason.CUT_OFF, id="hangs up"),
        pytest.param(raw(hang=True), Reason.TOO_SLOW, id="silent"),
        pytest.param(raw(OK, hang=True), Reason.TOO_SLOW, id="half a head"),
        pytest.param(
            endless(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"), Reason.TOO_BIG, id="endless"
        ),
        pytest.param(endless(CHUNKED, b"1\r\nx\r\n", 0.02), Reason.TOO_SLOW, id="slow drip"),
        pytest.param(endless(b"HTTP/1.1 ", b"2", 0.02), Reason.TOO_SLOW, id="slow head"),
        pytest.param(redirect("/f"), Reason.REDIRECT, id="redirect to itself"),
        pytest.param(redirect("file:///etc/passwd"), Reason.REDIRECT, id="redirect to a file"),
        pytest.param(redirect("javascript:x"), Reason.REDIRECT, id="redirect to a script"),
        pytest.param(redirect("http://a:b@127.0.0.1/"), Reason.REDIRECT, id="credentials"),
        pytest.param(redirect("http://[::1"), Reason.REDIRECT, id="broken address"),
        pytest.param(redirect(""), Reason.REDIRECT, id="redirect to nowhere"),
    ],
)
async def test_a_hostile_server_costs_one_sentence(
    room: Newsroom, fetcher: Fetcher, page: Handler, reason: Reason
) -> None:
    room.pages["/f"] = page
    async with asyncio.timeout(5):
        failed = await fetcher.fetch(room.url("/f"))
    assert isinstance(failed, Failed)
    assert failed.reason is reason
    assert failed.sentence.endswith(".")
    assert not complaints(failed.sentence)
    room.pages["/good"] = answer(BODY)
    assert isinstance(await fetcher.fetch(room.url("/good")), Fetched)


async def test_nobody_there_is_said_so(fetcher: Fetcher) -> None:
    failed = await fetcher.fetch("http://127.0.0.1:1/")
    assert isinstance(failed, Failed)
    assert failed.reason is Reason.NO_CONNECTION


async def test_redirects_are_followed_and_permanent_ones_reported(
    room: Newsroom, fetcher: Fetcher
) -> None:
    room.pages["/old"] = redirect("/newer", "301 Moved Permanently")
    room.pages["/newer"] = redirect(room.url("/new"), "308 Permanent Redirect")
    room.pages["/new"] = answer(BODY)
    room.pages["/today"] = redirect("/old", "302 Found")
    moved = await fetcher.fetch(room.url("/old"))
    assert isinstance(moved, Fetched)
    assert (moved.url, moved.moved_to) == (room.url("/new"), room.url("/new"))
    lent = await fetcher.fetch(room.url("/today"))
    assert isinstance(lent, Fetched)
    assert (lent.url, lent.moved_to) == (room.url("/new"), "")


async def test_a_site_that_sends_nobody_on_without_its_cookie_is_read(
    room: Newsroom, fetcher: Fetcher
) -> None:
    async def gate(request: Request, writer: asyncio.StreamWriter) -> None:
        if "seen=1" in request.headers.get("cookie", ""):
            write_answer(writer, BODY)
        else:
            write_answer(writer, b"", "302 Found", location="/f", set_cookie="seen=1; Path=/")

    room.pages["/f"] = gate
    for _ in range(2):
        assert isinstance(await fetcher.fetch(room.url("/f")), Fetched)
    cookies = [request.headers.get("cookie") for request in room.requests]
    assert cookies == [None, "seen=1", None, "seen=1"], "forgotten after each question"


async def test_no_cookie_goes_to_another_site(room: Newsroom, fetcher: Fetcher) -> None:
    elsewhere = f"http://localhost:{room.port}/there"
    room.pages["/f"] = answer(b"", "302 Found", location=elsewhere, set_cookie="seen=1; Path=/")
    room.pages["/there"] = answer(BODY)
    assert isinstance(await fetcher.fetch(room.url("/f")), Fetched)
    assert "cookie" not in room.requests[-1].headers


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (answer(b"", "302 Found"), "does not say where to"),
        (answer(b"", "301 Moved Permanently", location=" "), "does not say where to"),
        (redirect("/f"), "circle"),
        (answer(b"", "302 Found", location="/f", set_cookie="a=1; Path=/no"), "cookie"),
        (redirect("ftp://x.example/f"), "not plain http"),
        (answer(BROTLI, content_encoding="br"), "'br'"),
        (answer(BROTLI, content_encoding="gzip, zstd"), "'zstd'"),
        (answer(BROTLI, content_encoding="gzip"), "broken"),
    ],
)
async def test_each_reason_is_told_as_what_it_is(
    room: Newsroom, fetcher: Fetcher, page: Handler, words: str
) -> None:
    room.pages["/f"] = page
    failed = await fetcher.fetch(room.url("/f"))
    assert isinstance(failed, Failed)
    assert words in failed.sentence


async def test_so_many_redirects_and_no_more(room: Newsroom, fetcher: Fetcher) -> None:
    for hop in range(HOPS_MAX + 1):
        room.pages[f"/{hop}"] = redirect(f"/{hop + 1}")
    room.pages[f"/{HOPS_MAX}"] = answer(BODY)
    assert isinstance(await fetcher.fetch(room.url("/0")), Fetched)
    room.pages[f"/{HOPS_MAX}"] = redirect("/good")
    room.pages["/good"] = answer(BODY)
    failed = await fetcher.fetch(room.url("/0"))
    assert isinstance(failed, Failed)
    assert failed.reason is Reason.REDIRECT


@pytest.mark.parametrize("secret", ["http://127.0.0.1:{port}/secret", "http://localhost/secret"])
async def test_a_public_site_can_not_send_us_to_a_private_address(
    room: Newsroom, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    # the newsroom plays the proxy through which a public site is reached
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{room.port}")
    room.pages["http://news.example/f"] = redirect(secret.format(port=room.port))
    failed = await fetcher.fetch("http://news.example/f")
    assert isinstance(failed, Failed)
    assert failed.reason is Reason.REDIRECT
    assert "private" in failed.sentence
    assert len(room.requests) == 1


async def test_a_public_name_that_resolves_to_a_private_address_is_not_followed() -> None:
    asked = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["93.184.216.34", "10.0.0.7"]

    fetcher = Fetcher(SMALL, resolve=resolve)
    with pytest.raises(Exception, match="private address") as caught:
        await fetcher._check_hop("https://news.example/", "https://cdn.example/", False)
    assert asked == ["cdn.example"]
    assert "cdn.example" in str(caught.value)
    await fetcher._check_hop("http://127.0.0.1/", "http://cdn.example/", True)


async def test_a_private_site_can_not_send_us_to_where_machines_keep_keys(
    room: Newsroom, fetcher: Fetcher
) -> None:
    room.pages["/f"] = redirect("http://169.254.169.254/latest/meta-data")
    failed = await fetcher.fetch(room.url("/f"))
    assert isinstance(failed, Failed)
    assert "link-local" in failed.sentence

    async def resolve(host: str) -> list[str]:
        return ["fe80::1%eth0"]

    with pytest.raises(Exception, match="link-local address"):
        await Fetcher(SMALL, resolve=resolve)._check_hop(
            "http://127.0.0.1/", "http://router.lan/", True
        )


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://localhost/",
        "http://metadata.google.internal/",
        "http://printer.local/",
        "http://224.0.0.1/",
    ],
)
def test_private_addresses_are_known_in_every_spelling(target: str) -> None:
    assert "private" in hop_refusal("http://news.example/", target, from_private=False)
    told = hop_refusal("http://127.0.0.1:8000/", target, from_private=True)
    assert ("link-local" in told) is ("169.254" in target or "fe80" in target)
    assert hop_refusal(target, target, from_private=True) == ""


def test_a_hop_between_public_sites_is_fine_but_not_down_to_http() -> None:
    assert hop_refusal("https://a.example/", "https://8.8.8.8/", from_private=False) == ""
    assert hop_refusal("http://a.example/", "https://b.example/", from_private=False) == ""
    assert "https to http" in hop_refusal(
        "https://a.example/", "http://a.example/", from_private=False
    )


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_server_that_says_when_to_come_back_is_heard(
    room: Newsroom, fetcher: Fetcher, status: str
) -> None:
    room.pages["/f"] = answer(b"", status, retry_after="120")
    failed = await fetcher.fetch(room.url("/f"))
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.retry_after_s) == (Reason.THROTTLED, 120.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0.0),
        ("120", 120.0),
        ("99999999999", RETRY_AFTER_S_MAX),
        ("-5", 0.0),
        ("soon", 0.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 0.0),
        ("\u0663", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float) -> None:
    assert retry_after(text, now_s=100.0) == seconds


async def test_odd_validators_are_not_kept(room: Newsroom, fetcher: Fetcher) -> None:
    async def page(request: Request, writer: asyncio.StreamWriter) -> None:
        write_answer(writer, BODY, etag="x" * 600, last_modified="caf\u00e9")

    room.pages["/f"] = page
    fetched = await fetcher.fetch(room.url("/f"))
    assert isinstance(fetched, Fetched)
    assert fetched.validators == Validators()
