"""The same events lead to the same decisions, byte for byte, in any process."""

import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

from strategies.decisions import Mandate, Place, Skipped
from strategies.desk import Desk, DeskSettings
from strategies.linking import Linker
from strategies.roster import enrol
from tests.strategies.kit import NOON, Session, at, encoded, market, opening, quotes, story, ticking

REPO = Path(__file__).resolve().parents[2]
QUESTIONS = {
    "qwen": "Will Alibaba release Qwen 4 by December 31?",
    "nvda": "Will Nvidia close above $200 on December 31?",
    "gpt": "Will OpenAI release GPT-6 by March 31?",
    "tsm": "Will TSMC raise its capex forecast by January 31?",
}
HEADLINES = (
    "Alibaba releases Qwen 4 with open weights",
    "OpenAI announces GPT-6, available today",
    "Nvidia shares fall as export licences are put under review",
    "Alibaba releases Qwen 4 with open weights, says spokesman",
)


def played() -> Session:
    """Two hours of four markets that move after stories, with both strategies trading."""
    strategies = [enrol(name, {"budget": 40}, Mandate.PAPER) for name in ("drift", "fade")]
    here = Session(Desk(DeskSettings(session="t", cooldown_s=60), strategies, Linker()))
    for number, (name, question) in enumerate(QUESTIONS.items()):
        here.feed(*opening(name, number * 0.4 - 0.6, tick=10, question=question))
    for moment in ticking(0, 5_400, 5):
        minutes = (moment.at_ns - NOON) / 60e9
        if minutes % 20 == 0 and minutes // 20 - 1 < len(HEADLINES):
            number = int(minutes // 20) - 1
            here.feed(story(f"s{number}", title=HEADLINES[number], at_ns=moment.at_ns))
        for number, name in enumerate(QUESTIONS):
            x = number * 0.4 - 0.6 + min(0.8, 0.1 * max(0.0, minutes - 21 - 9 * number))
            here.feed(*quotes(name, x, moment.at_ns, 10))
        here.feed(moment)
    return here


def digest() -> str:
    return blake2b(encoded(played().decisions), digest_size=16).hexdigest()


def test_the_same_events_twice_lead_to_the_same_decisions() -> None:
    first, second = played(), played()
    assert first.of(Place), "nothing was decided that could differ"
    assert first.of(Skipped)
    assert encoded(first.decisions) == encoded(second.decisions)
    assert first.desk.portfolio.equity == second.desk.portfolio.equity


def test_another_process_with_another_hash_seed_decides_the_same() -> None:
    script = "from tests.strategies.test_determinism import digest; print(digest())"
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=REPO,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPO)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for seed in ("1", "4242")
    }
    assert told == {digest()}


def test_reading_the_desk_between_events_changes_nothing() -> None:
    looked, plain = Desk(DeskSettings()), Desk(DeskSettings())
    for event in [*opening("m", 0.2), *ticking(1, 120, 5)]:
        assert looked.handle(event) == plain.handle(event)
        _ = (looked.portfolio.equity, looked.follow_list.assets, looked.impacts.of("x", "m"))
        history = looked.odds.histories.get("m")
        _ = history.sparkline(60, looked.outbox.now_ns) if history else None
    assert at(0) < looked.outbox.now_ns
    assert looked.market_data.markets["m"] == market(tick_size=100)
