"""What a market asks: its family, its subject, and which way YES points.

A family is a kind of question ("which company has the best model", "will it list by", "does the
price reach"). The question's own words decide; the event's title helps where the question is only
one of its outcomes.
"""

import re
from typing import NamedTuple

from strategies.linking.names import NAMES, Mention, Name
from strategies.linking.words import plain

_RULES: tuple[tuple[str, str], ...] = (
    # order matters: the first that fits decides
    ("ipo_cap", r"market cap .{0,60}\bipo\b|ipo.{0,30}(?:closing )?market cap"),
    (
        "ipo",
        r"\bipos?\b|initial public offering|\bgo(?:es)? public\b|\bs-1\b|publicly traded compan",
    ),
    (
        "largest",
        r"largest compan|most valuable compan|market cap(?:itali[sz]ation)? rank"
        r"|(?:second|third|\d(?:nd|rd|th))[- ]largest compan|flip\w* .{0,30}market cap",
    ),
    ("bubble", r"\bbubble\b|magnificent (?:7|seven)"),
    ("wealth", r"trillion+a?ire|trillionare|richest|\bnet worth\b|\bbe worth (?:more than )?\$"),
    (
        "lead",
        r"(?:best|top|#\s?1|number one|second best|third best|leading|strongest)"
        r" (?:\w+ ){0,3}?(?:ai |language )?models?\b|models? (?:become|be) #\s?1|top of .{0,20}arena"
        r"|lead(?:s|ing)? the .{0,20}(?:arena|leaderboard)|best \w* ?ai\b",
    ),
    (
        "score",
        r"\bscore\b|benchmark|arena|time horizon|frontiermath|\bgpqa\b|\bimo\b|math olympiad"
        r"|swe-?bench|arc-agi|humanity's last exam|elo\b",
    ),
    ("rates", r"\bfed\b.{0,40}(?:rate|cut|hike|bps)|interest rates?|rate cuts?|\bfomc\b|\bbps\b"),
    (
        "autonomy",
        r"robo-?taxi|driverless|self-driving|\bfsd\b|full self.driving|autonomous ride"
        r"|rideshare rides|\bwaymo\b",
    ),
    (
        "export",
        r"export controls?|export(?:ed|s|ing)? .{0,60}\bchin|\bchin\w+ .{0,60}\bexport"
        r"|(?:sell|sale|sales|selling|ship|shipments?|buy|import)\b.{0,60}\b(?:chips?|gpus?|h20|h200|b30a)"
        r".{0,40}\bchin|(?:chips?|gpus?|h20|h200).{0,60}\bto china|chip (?:ban|tariffs?)",
    ),
    (
        "exec",
        r"\bout as\b|step(?:s|ping)? down|cease to be|removed as|be (?:fired|removed|ousted)"
        r"|still be ceo|(?:next|new|remain|be(?:come)?) (?:the )?(?:[a-z]+ )?(?:ceo|chief executive)"
        r"|\bceo (?:of|on|by|before|in)\b.{0,40}\b(?:end|by|before|20\d\d)|leave .{0,20}by|resign",
    ),
    ("nomination", r"\bnominat\w+|\bnominee\b|\bconfirmed as\b|next fed chair|next chair"),
    (
        "acquisition",
        r"\bacqui\w+|\bmerge\w*|\btake ?over\b|\bbuy(?:s|out)?\b.{0,40}\b(?:compan|stake)"
        r"|company purchase|\bbought by\b|\bpurchase .{0,30}compan",
    ),
    ("for_profit", r"for-profit|nonprofit|non-profit|public benefit corporation"),
    (
        "leader",
        r"\bout (?:by|in|before)\b(?!.{0,12}\bceo)|leader of|president of|prime minister"
        r"|\bin power\b|impeach",
    ),
    (
        "price",
        r"\b(?:reach|hit|close|dip|drop|fall|trade|above|below|between|high|low|all.time high"
        r"|ath)\b.{0,60}(?:\$\s?\d|\d+k\b|all.time high|by)|\bup or down\b|price of|\$\d[\d,.]*[km]? or"
        r"|stock .{0,30}(?:drop|fall|close|reach|rise)|^\w+ \$\d[\d,.]*[km]? (?:in|by)|all.time high",
    ),
    (
        "revenue",
        r"\brevenues?\b|\barr\b|annuali[sz]ed|profitab|\bearnings\b|beat .{0,20}estimates"
        r"|\beps\b|market cap|valuation|valued at|\braise\b.{0,30}\$",
    ),
    (
        "users",
        r"active users|\bmau\b|\bsubscribers\b|\busers\b|most popular|downloads|#1 (?:free )?app"
        r"|market share",
    ),
    (
        "capacity",
        r"\b\d(?:\.\d)?\s?(?:nm|nanomet)|\bfabs?\b|foundry|wafer|gigawatt|\bgw\b"
        r"|data.?cent(?:er|re)s?|\b1[48]a\b|mass production|supercomputer|electricity",
    ),
    ("outage", r"\boutage|\bgo(?:es)? down\b|downtime|uptime"),
    (
        "lawsuit",
        r"\bsue[sd]?\b|lawsuit|\bcourt\b|convict|guilty|\btrial\b|settle|\bfined?\b|antitrust"
        r"|sentenced|indict|\bruling\b|supreme court",
    ),
    ("tariff", r"\btariffs?\b|\busmca\b|trade deal"),
    (
        "law",
        r"legislat\w+|\blaws?\b|\bbill\b|executive order|regulat\w+|\bbans?\b|\bbanned\b|licen[cs]es?"
        r"|\bstatute\b|moratorium|mandat\w+|\bact\b.{0,20}(?:pass|signed)|preempt",
    ),
    ("layoffs", r"lay-?offs?|job cuts|unemployment"),
    (
        "release",
        r"\breleas\w+|\blaunch\w*|\bannounce[sd]?\b|\bunveil\w*|\bavailable\b|\bship(?:s|ped)?\b"
        r"|\bdrop(?:s|ped)? by\b|\bintroduc\w+|\bdebut\b|\bopen.?sourc\w+|\bout (?:by|before)\b",
    ),
    (
        "military",
        r"\binva(?:de|sion)\b|military|\bstrikes?\b|\bwar\b|\btroops\b|annex|control of\b"
        r"|\battack\b|\bbomb\b|offer to purchase|\bacquire\b|interfere with",
    ),
    ("peace", r"ceasefire|\btruce\b|peace deal|peace agreement"),
    (
        "election",
        r"\belections?\b|\bwin the\b.{0,30}(?:seat|race|primary)|popular vote|\bcandidate\b",
    ),
    (
        "agi",
        r"\bagi\b|artificial general intelligence|superintelligence|wipe out humanity"
        r"|human-level|turing test|recursively self",
    ),
    ("airdrop", r"\bairdrop\b|launch a token"),
    (
        "sport",
        r"\bvs\.?\b|\bbeat\b|championship|\bcup\b|super bowl|premier league|\bnba\b|\bnfl\b"
        r"|grand prix|\bleague\b|playoffs?|medal",
    ),
)
_FAMILIES = tuple((name, re.compile(pattern, re.I)) for name, pattern in _RULES)

_DOWN = re.compile(
    r"\b(?:dip|drop|fall|below|under|less than|lower than|low|shrinks?|crash)\b", re.I
)
_BAND = re.compile(
    r"\bbetween\b|\$[\d,.]+\s?[-–]\s?\$?[\d,.]+|\bup or down\b|\bfirst\?|\bexactly\b", re.I
)
_NOT = re.compile(r"\bnot\b|\bno\b(?! \.)|\bfail to\b|\bneither\b|\bstill be\b|\bremain\b", re.I)
_RANK = re.compile(r"\b(?:second|third|#\s?[23]|2nd|3rd)\b", re.I)
_TOPIC = re.compile(r"for (?:math|coding)|math model|coding model|webdev|image|video|text-to", re.I)

_PERSONAL = frozenset({"wealth", "exec", "leader", "nomination"})
SUBJECT_KINDS = ("company", "model", "product", "person", "asset")
ASSET_WORDS = re.compile(r"\((?:[A-Z]{1,5})\)")
FAR_FAMILIES = frozenset({"other", "sport", "election", "agi", "airdrop"})


class Intent(NamedTuple):
    """A market's question, understood.

    ``sense`` is +1 where good news for the subject pushes YES up, -1 where it pushes it down and
    0 where that cannot be said (a band of prices). ``subject`` is the company or asset asked about,
    ``exact`` the product, model or person named, ``others`` every other name.
    """

    family: str
    sense: int
    subject: str
    exact: frozenset[str]
    names: frozenset[str]
    topic: str


def intent(question: str, event: str = "", group_title: str = "") -> Intent:
    """Read a market's question (and its event's title, and the outcome's name in it)."""
    asked = plain(question)
    named = NAMES.find(asked) or NAMES.find(plain(f"{group_title} {event}"))
    family = _family(asked) or _family(plain(event)) or "other"
    subject, exact = _subject(family, named)
    if family == "price" and not subject:
        family = "other"
    return Intent(
        family=family,
        sense=_sense(family, asked),
        subject=subject,
        exact=exact,
        names=frozenset(mention.name.id for mention in named),
        topic=_topic(family, asked),
    )


def _family(text: str) -> str:
    for name, pattern in _FAMILIES:
        if pattern.search(text):
            return name
    return ""


def _sense(family: str, asked: str) -> int:
    if family == "ipo_cap":
        return 0
    if family in ("price", "revenue") and _BAND.search(asked):
        return 0
    if family == "lead" and _RANK.search(asked):
        return 0
    sense = -1 if family in ("price", "revenue", "bubble") and _DOWN.search(asked) else 1
    if family == "bubble":
        sense = 1
    return -sense if _NOT.search(asked) and family not in ("bubble", "price") else sense


def _topic(family: str, asked: str) -> str:
    if family != "lead":
        return ""
    match = _TOPIC.search(asked) or _RANK.search(asked)
    return match.group().lower() if match else ""


def _subject(family: str, named: list[Mention]) -> tuple[str, frozenset[str]]:
    """The company or asset a question is about, and the products or people it names."""
    exact = frozenset(m.name.id for m in named if m.name.kind in ("model", "product", "person"))
    if family in _PERSONAL:
        for mention in named:
            if mention.name.kind == "person":
                return mention.name.id, exact
    order = ("asset", "company") if family == "price" else ("company", "asset")
    for kind in order:
        for mention in named:
            if mention.name.kind == kind:
                return mention.name.id, exact
    for mention in named:
        if mention.name.owner:
            return mention.name.owner, exact
    for mention in named:
        if mention.name.kind in ("country", "person", "agency", "idea", "benchmark"):
            return mention.name.id, exact
    return "", exact


def house(name: Name) -> str:
    """The company a name belongs to: itself, or the owner of a product, model or person."""
    return name.owner or name.id
