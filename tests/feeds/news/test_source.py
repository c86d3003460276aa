import msgspec
import pytest

from feeds.news.source import Source


def test_a_source_needs_an_id_a_name_and_an_address() -> None:
    source = Source(id="wire", name="Example Wire", url="https://wire.example/rss")
    assert (source.every_s, source.trust, source.enabled) == (300, 0.5, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "Two words"),
        ("id", "x" * 65),
        ("name", ""),
        ("name", "\x1b[31mred"),
        ("url", "ftp://wire.example/rss"),
        ("url", "file:///etc/passwd"),
        ("url", "https://user:secret@wire.example/rss"),
        ("every_s", 0),
        ("every_s", 90_000),
        ("language", "English please"),
        ("timezone", "Asia/Nowhere"),
        ("timezone", "../../etc/passwd"),
        ("trust", 1.5),
        ("trust", float("nan")),
        ("group", "a\nb"),
    ],
)
def test_a_source_out_of_bounds_is_refused_by_the_name_of_its_field(
    field: str, value: object
) -> None:
    given = {"id": "wire", "name": "Example Wire", "url": "https://wire.example/rss", field: value}
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(given, Source)


def test_a_time_zone_goes_by_its_name() -> None:
    wire = Source(id="wire", name="W", url="https://w.example/rss", timezone="Asia/Shanghai")
    assert wire.timezone == "Asia/Shanghai"


def test_an_unknown_key_is_refused() -> None:
    given = {"id": "wire", "name": "Wire", "url": "https://wire.example/rss", "evry_s": 60}
    with pytest.raises(msgspec.ValidationError, match="evry_s"):
        msgspec.convert(given, Source)
