"""How right links are, against judgements made by hand.

A judged link has a grade (2 bears directly on the question, 1 a trader of it wants to see the
story, 0 acceptable either way and never counted), a direction and a group; links of one group are
one answer on several markets, as a ladder of prices is.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

OWN = Path(__file__).parents[1] / "tests" / "data" / "linking"
"""The set of our own writing: markets, stories and judgements."""

Line = dict[str, Any]


class Figures(NamedTuple):
    """Shares in 0..1; one without any case to count is 0, and so is `false_alarms`.

    `precision` is of links shown, `recall` of groups, `false_alarms` of the stories that touch
    nothing, `direction` a mean by story over right links that were judged up or down and are told
    so, `told` the share of those links that are told a direction, `first` the share of answers
    whose first link is right, `sure` that of links shown at 0.8 or more.
    """

    precision: float
    recall: float
    f1: float
    recall_direct: float
    first: float
    false_alarms: float
    direction: float
    sure: float
    told: float = 0.0


SURE = 0.8


class _Told(NamedTuple):
    """One story's answer beside its judgements; links of grade 0 are left out."""

    shown: list[Line]
    good: dict[str, Line]

    def right(self) -> list[Line]:
        return [link for link in self.shown if link["market_id"] in self.good]

    def groups(self, grade: int = 1) -> set[str]:
        return {_group(link) for link in self.good.values() if link["grade"] >= grade}

    def hit(self) -> set[str]:
        return {_group(self.good[link["market_id"]]) for link in self.right()}


def lines(path: Path) -> list[Line]:
    """The lines of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def figures(answers: Iterable[Line], judged: Iterable[Line]) -> Figures:
    """The figures of all answers together. A story without an answer counts as an empty one."""
    given = {line["id"]: line["links"] for line in answers}
    told = [_told(given.get(line["id"], []), line["links"]) for line in judged]
    shown = sum(len(one.shown) for one in told)
    right = sum(len(one.right()) for one in told)
    precision = _share(right, shown)
    recall = _recall(told, 1)
    firsts = [one.shown[0]["market_id"] in one.good for one in told if one.shown]
    silent = [bool(one.shown) for one in told if not one.good]
    return Figures(
        precision=precision,
        recall=recall,
        f1=_share(2 * precision * recall, precision + recall),
        recall_direct=_recall(told, 2),
        first=_share(sum(firsts), len(firsts)),
        false_alarms=_share(sum(silent), len(silent)),
        direction=_direction(told),
        sure=_sure(told),
        told=_coverage(told),
    )


def _told(links: list[Line], judged: list[Line]) -> _Told:
    graded: Mapping[str, Line] = {link["market_id"]: link for link in judged}
    once = {link["market_id"]: link for link in reversed(links)}
    shown = [link for link in links if once.get(link["market_id"]) is link]
    kept = [x for x in shown if graded.get(x["market_id"], {"grade": 1})["grade"] > 0]
    return _Told(kept, {id: link for id, link in graded.items() if link["grade"] > 0})


def _group(link: Line) -> str:
    return str(link.get("group") or link["market_id"])


def _recall(told: list[_Told], grade: int) -> float:
    wanted = sum(len(one.groups(grade)) for one in told)
    return _share(sum(len(one.groups(grade) & one.hit()) for one in told), wanted)


def _direction(told: list[_Told]) -> float:
    means = []
    for one in told:
        pairs = [(x["direction"], one.good[x["market_id"]]["direction"]) for x in one.right()]
        clear = [said == meant for said, meant in pairs if meant and said]
        if clear:
            means.append(sum(clear) / len(clear))
    return _share(sum(means), len(means))


def _coverage(told: list[_Told]) -> float:
    clear = [
        bool(link["direction"])
        for one in told
        for link in one.right()
        if one.good[link["market_id"]]["direction"]
    ]
    return _share(sum(clear), len(clear))


def _sure(told: list[_Told]) -> float:
    sure = [x["market_id"] in one.good for one in told for x in one.shown if x["relevance"] >= SURE]
    return _share(sum(sure), len(sure))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
