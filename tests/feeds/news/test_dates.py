import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.news.dates import iso, read_date


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("Tue, 24 Nov 2026 14:02:11 GMT", "2026-11-24T14:02:11Z"),
        ("Tue, 24 Nov 2026 14:02:11 +0800", "2026-11-24T06:02:11Z"),
        ("Tue, 24 Nov 2026 14:02:11 EST", "2026-11-24T19:02:11Z"),
        ("Tue, 24 Nov 2026 14:02:11 GMT-05:00", "2026-11-24T19:02:11Z"),
        ("Tue, 24 Nov 2026 14:02:11 +0000 (UTC)", "2026-11-24T14:02:11Z"),
        ("24 Nov 26 14:02", "2026-11-24T14:02:00Z"),
        ("24-Nov-2026 14:02:11 JST", "2026-11-24T05:02:11Z"),
        ("Tuesday, November 24, 2026 14:02:11 UTC", "2026-11-24T14:02:11Z"),
        ("Tue Nov 24 14:02:11 2026", "2026-11-24T14:02:11Z"),
        ("2026-11-24T14:02:11Z", "2026-11-24T14:02:11Z"),
        ("2026-11-24T14:02:11.123456+01:00", "2026-11-24T13:02:11Z"),
        ("2026-11-24 14:02:11", "2026-11-24T14:02:11Z"),
        ("2026-11-24T14:02+0530", "2026-11-24T08:32:00Z"),
        ("2026/1/4 14:33:00", "2026-01-04T14:33:00Z"),
        ("2026-11-24", "2026-11-24T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("Thu, 01 Jan 1970 08:00:00 +0800", "1970-01-01T00:00:00Z"),
    ],
)
def test_a_date_is_read_in_utc(text: str, utc: str) -> None:
    nanos = read_date(text)
    assert nanos is not None
    assert iso(nanos) == utc


def test_fractions_are_kept_to_the_nanosecond() -> None:
    assert read_date("2026-11-24T14:02:11.123456789Z") == 1_795_528_931_123_456_789


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "24 minutes ago",
        "2026",
        "2026-11",
        "--11-24",
        "24.11.2026",
        "11/24/2026",
        "1518478934",
        "Tue, 31 Feb 2026 14:02:11 GMT",
        "Tue, 24 Nov 2026 25:02:11 GMT",
        "Tue, 24 Nov 2026 2:02 PM",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "Τρι, 29 Ιούν 2004 12:53:00 GMT",
        "2026-11-24T14:02:11+99:99",
        "x" * 10_000,
    ],
)
def test_what_is_no_full_date_is_none_and_never_filled_up(text: str) -> None:
    assert read_date(text) is None


@given(st.text(alphabet="0123456789:-+TZ/ ,.()abcdefgjlmnoprstuvyGMT\u0663", max_size=40))
def test_no_text_makes_it_fail(text: str) -> None:
    nanos = read_date(text)
    assert nanos is None or -(2**63) <= nanos < 2**63
    assert nanos is None or iso(nanos).endswith("Z")
