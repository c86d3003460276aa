"""Dates as publishers write them: read where they say a day, never filled up where they don't."""

import time
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.news.dates import iso, read_date
from feeds.news.zones import zone_named


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
    assert read(text) == utc


@pytest.mark.parametrize(
    "text",
    [
        "Tue,24 Nov 2026 14:02:11 GMT",
        "Tue, 24 Nov 2026, 14:02:11 GMT",
        "Tue, 24 Nov 2026 14:02:11GMT",
        "Tue, 24 Nov 2026 - 14:02:11 GMT",
        "Tuesday, 24-Nov-26 14:02:11 GMT",
        "Tue., 24. Nov. 2026 14:02:11 GMT",
        "Tue Nov 24 2026 14:02:11 GMT+0000 (Coordinated Universal Time)",
        "Tue Nov 24 14:02:11 +0000 2026",
        "Tue Nov 24 14:02:11 UTC 2026",
        "November 24th, 2026 at 2:02:11 pm",
        "Nov. 24, 2026, 2:02:11 p.m. UTC",
        "24th of November 2026 at 14:02:11",
        "11/24/2026 2:02:11 PM",
        "24/11/2026 14:02:11",
        "24-11-2026 14:02:11",
        "24.11.2026 14:02:11",
        "24.11.2026, 14.02.11 Uhr",
        "2:02:11 PM - 24 Nov 2026",
        "14:02:11 UTC, 24 November 2026",
        "2026-11-24 14:02:11 +0000 UTC",
        "2026-11-24 14:02:11.000 +0000 UTC m=+0.000012345",
        "2026-11-24T14:02:11+0000Z",
        "2026-11-24T14:02:11.000+00:00[UTC]",
        "2026-11-24T14:02:11 Z",
        "2026-11-24 T 14:02:11",
        "2026-11-24T09:02:11−05:00",
        "2026.11.24 14:02:11",
        "2026. 11. 24. 14:02:11",
        "2026. 11. 24. 오후 2:02:11",
        "2026.11.24.(화) 14:02:11",
        "2026年11月24日 14:02:11",
        "2026年11月24日14时02分11秒",
        "2026年11月24日 下午2:02:11",
        "2026年11月24日（火） 午後2時02分11秒",
        "２０２６年１１月２４日　１４：０２：１１",
        "2026년 11월 24일 14:02:11",
        "20261124T140211Z",
        "20261124140211",
        "1795528931",
        "1795528931000",
    ],
)
def test_one_moment_in_the_ways_that_publishers_write_it(text: str) -> None:
    assert read(text) == "2026-11-24T14:02:11Z"


@pytest.mark.parametrize(
    "day",
    [
        "24 novembre 2026",
        "24 de noviembre de 2026",
        "24. November 2026",
        "Di, 24 Nov 2026",
        "mar., 24 nov. 2026",
        "Вт, 24 ноя 2026",
        "24 ноября 2026",
        "24 listopada 2026",
        "24 Kasım 2026",
        "24 KASIM 2026",
        "24 Νοεμβρίου 2026",
        "24 נובמבר 2026",
        "24 marraskuuta 2026",
        "24 nov 2026",
    ],
)
def test_months_are_known_in_the_languages_of_newsrooms(day: str) -> None:
    assert read(f"{day} 14:02") == read(f"{day}, 14:02") == "2026-11-24T14:02:00Z"
    assert read(day) == "2026-11-24T00:00:00Z"


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("Asia/Shanghai", 6),
        ("asia/shanghai", 6),
        ("Asia/Beijing", 6),
        ("US/Eastern", 19),
        ("America/Argentina/Buenos_Aires", 17),
        ("Europe/Berlin", 13),
        ("Etc/GMT+5", 19),
        ("EST5EDT", 19),
        ("CST (UTC+8)", 6),
        ("CST (GMT+08:00)", 6),
        ("(CST) +0800", 6),
        ("+0800 CST", 6),
        ("UTC+8", 6),
        ("GMT+8", 6),
        ("GMT +0800", 6),
        ("+08", 6),
        ("+8", 6),
        ("+800", 6),
        ("GMT+0800 (China Standard Time)", 6),
        ("China Standard Time", 6),
        ("北京时间", 6),
        ("Eastern Standard Time", 19),
        ("Eastern Time (US & Canada)", 19),
        ("Pacific Daylight Time", 21),
        ("Central European Summer Time", 12),
        ("ET", 19),
        ("(ET)", 19),
        ("PT", 22),
        ("WIB", 7),
        ("MEZ", 13),
        ("Uhr MEZ", 13),
        ("Z", 14),
        ("XYZ", 14),
        ("Mars/Olympus", 14),
        ("(updated)", 14),
        ("", 14),
    ],
)
def test_zones_are_known_by_name_and_number(zone: str, hour: int) -> None:
    for clock in (f"Tue, 24 Nov 2026 14:02:11 {zone}", f"2026-11-24 14:02:11 {zone}"):
        assert read(clock) == f"2026-11-24T{hour:02}:02:11Z"


def test_names_of_places_keep_summer_time_and_abbreviations_do_not() -> None:
    assert read("Thu, 04 Jun 2026 14:02:11 ET") == "2026-06-04T18:02:11Z"
    assert read("Thu, 04 Jun 2026 14:02:11 EDT") == "2026-06-04T18:02:11Z"
    assert read("Thu, 04 Jun 2026 14:02:11 EST") == "2026-06-04T19:02:11Z"
    assert read("Thu, 04 Jun 2026 14:02:11 Europe/London") == "2026-06-04T13:02:11Z"
    assert read("Thu, 04 Jun 2026 14:02:11 Eastern Standard Time") == "2026-06-04T19:02:11Z"


def test_what_has_no_zone_is_the_time_of_the_feed() -> None:
    shanghai, new_york = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
    assert read("2026年11月24日 14:02", shanghai) == "2026-11-24T06:02:00Z"
    assert read("2026-11-24", shanghai) == "2026-11-23T16:00:00Z"
    assert read("2026-07-24 14:02", new_york) == "2026-07-24T18:02:00Z"
    assert read("2026-11-24 14:02 XYZ", shanghai) == "2026-11-24T06:02:00Z"
    assert read("2026-11-24 14:02 UTC", shanghai) == "2026-11-24T14:02:00Z"
    assert read("1795528931", shanghai) == "2026-11-24T14:02:11Z"


def test_an_abbreviation_of_several_zones_is_the_feeds_own_where_it_is_one() -> None:
    text = "Tue, 24 Nov 2026 14:02:11 {}"
    assert read(text.format("CST"), ZoneInfo("Asia/Shanghai")) == "2026-11-24T06:02:11Z"
    assert read(text.format("CST")) == "2026-11-24T20:02:11Z"
    assert read(text.format("IST"), ZoneInfo("Asia/Jerusalem")) == "2026-11-24T12:02:11Z"
    assert read(text.format("IST")) == "2026-11-24T08:32:11Z"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("12:30 AM", "00:30"),
        ("12:30 PM", "12:30"),
        ("1:30 p.m.", "13:30"),
        ("14:30 PM", "14:30"),
        ("2 pm", "14:00"),
        ("14h30", "14:30"),
        ("14h 30", "14:30"),
        ("00:00", "00:00"),
    ],
)
def test_clocks_of_twelve_and_of_twenty_four_hours(text: str, utc: str) -> None:
    assert read(f"24 Nov 2026 {text}") == f"2026-11-24T{utc}:00Z"


def test_the_hour_24_is_the_midnight_that_ends_the_day() -> None:
    assert read("2026-11-24T24:00:00Z") == "2026-11-25T00:00:00Z"
    assert read_date("2026-11-24T24:00:01Z") is None


def test_figures_whose_order_nothing_tells_are_not_read() -> None:
    assert read_date("03/04/2026 14:02") is None
    assert read_date("03-04-2026") is None
    assert read("11/11/2026") == "2026-11-11T00:00:00Z"
    assert read("Wed, 03/04/2026 - 14:02") == "2026-03-04T14:02:00Z"
    assert read("Fri, 03/04/2026 - 14:02") == "2026-04-03T14:02:00Z"
    assert read_date("Mon, 03/04/2026 - 14:02") is None
    assert read("Tue, 11/24/2026 - 14:02") == "2026-11-24T14:02:00Z"


def test_fractions_are_kept_to_the_nanosecond() -> None:
    assert read_date("2026-11-24T14:02:11.123456789Z") == 1_795_528_931_123_456_789
    assert read_date("1795528931123") == 1_795_528_931_123_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "24 minutes ago",
        "today 14:02",
        "2026",
        "2026-11",
        "Nov 2026",
        "November",
        "Nov 24",
        "24 Nov",
        "Monday 14:02",
        "14:02:11",
        "--11-24",
        "26-11-24",
        "24/11/26",
        "3.11.2",
        "1.2.3.4",
        "v2026.11",
        "42",
        "151847893",
        "9518478934",
        "15184789341",
        "20261324",
        "2026112414",
        "Tue, 31 Feb 2026 14:02:11 GMT",
        "Tue, 24 Nov 2026 25:02:11 GMT",
        "Tue, 24 Nov 2026 14:61:11 GMT",
        "Tue, 24 Nov 2026 14:02:99 GMT",
        "Tue, 24 Nov 2026 13:02 AM",
        "Tue, 24 Nov 2026 14",
        "Tue, 24 Nov 2026 one two three",
        "Tue, 24 Nov 2026 14:02:11 and much more besides",
        "Tue, 24 Junk 2026 14:02:11 GMT",
        "Decade 24, 2026",
        "2026-13-01T00:00:00Z",
        "2026-11-24T14:02:11+99:99",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0000-00-00 00:00:00",
        "Invalid Date",
        "null",
        "x" * 10_000,
    ],
)
def test_what_is_no_full_date_is_none_and_never_filled_up(text: str) -> None:
    assert read_date(text) is None


@given(
    st.text(alphabet="0123456789:-+TZ/ ,.()[]abcdefgjlmnoprstuvyGMT年月日时\u0663", max_size=60),
    st.sampled_from([UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")]),
)
def test_no_text_makes_it_fail(text: str, home: ZoneInfo) -> None:
    nanos = read_date(text, home)
    assert nanos is None or -(2**63) <= nanos < 2**63
    assert nanos is None or iso(nanos).endswith("Z")


@pytest.mark.parametrize(
    "piece", ["1", "a ", "(", "上午", "24 nov ", "a/", "+1", " -", "\ufdfa", "1:"]
)
def test_no_text_takes_long(piece: str) -> None:
    began = time.perf_counter()
    for text in (piece * 200, f"2026-11-24 14:02:11 {piece * 200}", f"24 Nov {piece * 200}"):
        read_date(text)
    assert time.perf_counter() - began < 0.5


def test_a_zone_is_found_by_its_name_alone() -> None:
    assert str(zone_named("asia/shanghai")) == "Asia/Shanghai"
    assert str(zone_named("America/Port_of_Spain")) == "America/Port_of_Spain"
    for name in ("", "Asia", "../../etc/passwd", "/etc/localtime", "Asia/../UTC", "x" * 1_000):
        assert zone_named(name) is None


def read(text: str, home: ZoneInfo | None = None) -> str:
    nanos = read_date(text, home or UTC)
    assert nanos is not None, text
    return iso(nanos)
