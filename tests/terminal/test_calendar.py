"""The calendar of the configuration: what is known to come, and when."""

from pathlib import Path

import pytest

from strategies.desk import Scheduled
from terminal.config import ConfigError, load

NVIDIA = 1_795_641_600 * 1_000_000_000
"""25 November 2026, 21:20 UTC."""


def loaded(folder: Path, calendar: str) -> tuple[Scheduled, ...]:
    path = folder / "config.toml"
    path.write_text(f"[news]\ncalendar = {calendar}\n", encoding="utf-8")
    return load(path).config.news.scheduled


def test_events_come_in_order_of_time_whatever_their_zone(tmp_path: Path) -> None:
    written = (
        '{"A ruling on chips" = "2026-11-26T09:00+01:00", '
        '"Nvidia reports earnings" = "2026-11-25T21:20Z"}'
    )
    assert loaded(tmp_path, written) == (
        Scheduled(NVIDIA, "Nvidia reports earnings"),
        Scheduled(NVIDIA + 10 * 3_600 * 10**9 + 40 * 60 * 10**9, "A ruling on chips"),
    )
    assert loaded(tmp_path, "{}") == ()


@pytest.mark.parametrize(
    ("calendar", "says"),
    [
        ('{"Nvidia" = "2026-11-25T21:20"}', "a time in ISO 8601 with its zone"),
        ('{"Nvidia" = "tomorrow"}', "2026-11-25T21:20Z"),
        ('{"" = "2026-11-25T21:20Z"}', "1 to 200 characters"),
        ('{"Nvidia" = 5}', "a text in quotes"),
        ('"Nvidia"', "news.calendar"),
    ],
)
def test_what_is_no_calendar_is_refused_with_the_fix(
    calendar: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"news\.calendar") as refused:
        loaded(tmp_path, calendar)
    assert says in str(refused.value)
    assert "config.toml:2: news.calendar" in str(refused.value)
