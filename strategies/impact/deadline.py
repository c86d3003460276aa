"""Questions of the kind "will it happen by then?": silence alone moves their odds."""

import re

from feeds.markets import Market, Nanos

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_PART = r"(?:(?:the )?(?:end|start|middle|close) of |mid-?|late |early )?"
_DAY = rf"{_MONTH}|q[1-4]\b|20\d\d\b|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}|\d{{1,2}}/\d{{1,2}}"
_SOON = r"(?:next|this|the end of the) (?:year|month|week|quarter)|year.?end|eoy\b"
_WHEN = rf"{_PART}(?:{_DAY}|{_SOON})"
_BY_A_DATE = re.compile(rf"\b(?:by|before|until|prior to|no later than)\b (?:or on )?{_WHEN}", re.I)
_WITHIN = re.compile(r"\b(?:in|during) (?:20\d\d\b|q[1-4]\b)", re.I)
_ON_THE_DAY = re.compile(
    r"\b(?:best|top|largest|biggest|most|highest|close|end|finish|rank(?:ed)?|#1|win)\b", re.I
)
_NOT = re.compile(r"\b(?:not|no|never|remain|stay|keep|still|without)\b|n't\b", re.I)


def deadline(market: Market) -> Nanos | None:
    """The end of a question that asks whether something will have happened by then, else None.

    A standing on a day (the best, the largest, a close above) is no such question, and neither is
    whether something will *not* happen.
    """
    asked = market.question
    if market.end_ns is None or _NOT.search(asked):
        return None
    if _BY_A_DATE.search(asked):
        return market.end_ns
    if _WITHIN.search(asked) and not _ON_THE_DAY.search(asked):
        return market.end_ns
    return None
