"""Headers that announce an endpoint's end are noticed, told once, and hostile ones do no harm."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.polymarket.errors import VenueError
from feeds.polymarket.notices import ENDPOINTS_MAX, Notices, endpoint_of, notice_in

from .loopback import Answer
from .test_http import Script, reads_from, wide

SUNSET = {"Sunset": "Mon, 14 Dec 2026 00:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"sunset": SUNSET["Sunset"]}, "GET /x is to be gone from 2026-12-14 on, the venue says"),
        ({"deprecation": "@1793836800"}, "GET /x is deprecated since 2026-11-05, the venue says"),
        ({"deprecation": "true"}, "GET /x is deprecated, the venue says"),
        (
            {
                "deprecation": "Sun, 01 Nov 2026 00:00:00 GMT",
                "sunset": "soon",
                "link": '<https://docs.example.org/keyset>; rel="sunset"; type="text/html"',
            },
            "GET /x is deprecated since 2026-11-01 and to be gone from soon on, the venue says "
            "(https://docs.example.org/keyset)",
        ),
    ],
)
def test_each_form_of_notice_is_one_sentence(headers: dict[str, str], says: str) -> None:
    notice = notice_in("GET /x", headers)
    assert notice is not None
    assert notice.sentence == says


@pytest.mark.parametrize("headers", [{}, {"deprecation": "false"}, {"sunset": " "}])
def test_no_notice_is_none(headers: dict[str, str]) -> None:
    assert notice_in("GET /x", headers) is None


@given(sunset=st.text(max_size=200), deprecation=st.text(max_size=200), link=st.text(max_size=300))
def test_nothing_that_headers_hold_raises_or_reaches_a_terminal_raw(
    sunset: str, deprecation: str, link: str
) -> None:
    notice = notice_in("GET /x", {"sunset": sunset, "deprecation": deprecation, "link": link})
    if notice is not None:
        assert notice.sentence.isprintable()
        assert len(notice.sentence) < 500


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/book", "GET /book"),
        ("/markets/0xabc123", "GET /markets/*"),
        ("/markets/slug/will-it-rain", "GET /markets/slug/*"),
        ("/events/12345", "GET /events/*"),
        ("/v2/positions", "GET /v2/positions"),
        ("/data/order/" + "9" * 77, "GET /data/order/*"),
    ],
)
def test_an_endpoints_name_leaves_out_what_is_particular(path: str, endpoint: str) -> None:
    assert endpoint_of("GET", path) == endpoint


async def test_every_answer_is_looked_at_and_a_notice_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    script = Script(
        Answer(b"[]", headers=SUNSET),
        Answer(b"[]", headers=SUNSET),
        Answer(b"{}", status=404, headers=SUNSET),
        Answer(b"[]"),
    )
    with caplog.at_level(logging.WARNING, "feeds.polymarket.notices"):
        async with reads_from(script) as (reads, _, base, _):
            await reads.get(f"{base}/events", (), wide())
            await reads.get(f"{base}/events", (), wide())
            with pytest.raises(VenueError):
                await reads.get(f"{base}/markets/0x12", (), wide())
            await reads.get(f"{base}/time", (), wide())
    assert list(reads.notices.by_endpoint) == ["GET /events", "GET /markets/*"]
    assert [record.getMessage().split(" is ")[0] for record in caplog.records] == [
        "GET /events",
        "GET /markets/*",
    ]


def test_a_venue_that_invents_endpoints_fills_no_memory() -> None:
    notices = Notices()
    for number in range(2 * ENDPOINTS_MAX):
        notices.look("GET", f"/x{number}", {"sunset": "soon"})
    assert len(notices.by_endpoint) == ENDPOINTS_MAX
