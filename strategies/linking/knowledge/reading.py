"""A story as the linker reads it, once, before any market is looked at."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from feeds.markets import Nanos
from strategies.linking.dates import DAY_NS, planned_day
from strategies.linking.knowledge.facets import PLAIN_GOOD, TONE_OF, Facet, facets, polarity
from strategies.linking.knowledge.names import NAMES, Mention, Name, versions
from strategies.linking.words import (
    concepts,
    is_content,
    numbered_names,
    plain,
    strip_boilerplate,
    strip_source,
    tokens,
)

_THREAT = re.compile(
    r"(?:tak(?:es?|ing) (?:aim at|on)|aim(?:s|ed)? at|threat(?:s|ens?)?(?: to)?|rivals? (?:to|of)"
    r"|encroach\w* on|challeng\w+(?: to)?|chas(?:es?|ing)|unsatisfied with|alternatives? to"
    r"|compet\w+ with|catch\w* up (?:to|with)|overtak\w+|beats?|beating|surpass\w*|outperform\w*"
    r"|fend\w* off|loses? to|behind|ahead of|away from|instead of|dethron\w+|against"
    r"|fight to|leav\w+|ditch\w*|drop\w*|tops?|bett?er than|superior to|rely less on|reliance on) "
    r"(?:[\w'$.-]+ ){0,2}$",
    re.I,
)
_THREAT_AFTER = re.compile(
    r"^'?s? (?:\w+ ){0,2}(?:turf|dominance|lead\b|grip|monopoly|rival)", re.I
)
_MODIFIER = re.compile(
    r"^(?:'s)? ?(?:-(?:backed|based|style|derived|inspired|linked)\b"
    r"|(?:holdings?|treasur\w+|miners?|firms?|compan(?:y|ies)|partner|rival|competitor|skeptic"
    r"|payments?|reserves?|alumni|veterans?|investors?|employees?|fans?)\b)",
    re.I,
)
_OPINION = re.compile(
    r"^(?:why|how|what|is|are|can|could|should|opinion|the case|inside|meet|here's|thread|predict"
    r"|looking|forget|i tested|watch|read)\b|\?|: how\b|\bopinion\b|explain\w*\b",
    re.I,
)
_ROUNDUP = re.compile(
    r"\bbrief\b|\bdaily open\b|\bmarkets wrap\b|\broundup\b|\bthe pulse\b|\bweek ahead\b"
    r"|\bnewsletter\b|\bpodcast\b|\bweekly\b|\bdigest\b|^the download\b|\brecap\b|\bwhat to know\b"
    r"|\bround ?up\b|\blive updates\b|\bthis week in\b|\bmorning\b.{0,12}:|^\d+ things",
    re.I,
)
_LESSON = re.compile(
    r"\bhow (?:to|i|we|you)\b"
    r"|\bi (?:\w+ )?(?:ran|tried|tested|used|built|found|asked|made|spent|let)\b"
    r"|\b(?:setup|guide|tutorial|tips|tricks|hands-on|review(?:ed)?|cheat ?sheet|best practices)\b"
    r"|\bvs\.? |\bversus\b|\bstep[- ]by[- ]step\b|\blessons?\b|\bwhich .{0,30}should you\b",
    re.I,
)
"""What to do with a thing, or how two of them compare: no event."""
_CLAUSE = re.compile(
    r",? (?:even as|as|while|amid|after|but|despite|due to|because of|although)(?= )|; | [-|] ",
    re.I,
)
"""Where a headline turns from one thing to another."""
_CHAT = re.compile(
    r"https?://|(?<!\w)@\w|\b(?:i|i'm|i've|i'd|my|you|your|we|we're|we've|us|our|lol|lmao)\b|[\U0001f300-\U0001faff]",
    re.I,
)
"""Somebody speaks for himself, as in a post."""
WASHINGTON = frozenset({"donald-trump", "white-house", "commerce", "doj", "ftc", "supreme-court"})
"""Who speaks for the United States: a headline that names one of them names the country."""
_SPEECH = re.compile(
    r"\b(?:says?|said|warns?|tells?|predicts?|thinks?|believes?|expects?|criticism)\b", re.I
)
_APART = re.compile(r"(?<![\w.-])[VRKM]\d(?:\.\d)?(?![\w.])")
"""A model's number apart from its maker ("DeepSeek is back with V4")."""
_WASHINGTON = re.compile(r"\bUS\b|\bU\.S\.")
_MODEL_VERSION = re.compile(r"[^\d]+[ -]?[vk]?\d", re.I)


class Story(NamedTuple):
    """What a story names, says and when. Names of the headline and of the summary are apart."""

    title: str
    summary: str
    day: int | None
    planned: int | None
    mentions: tuple[Mention, ...]
    named: frozenset[str]
    houses: frozenset[str]
    also: frozenset[str]
    victims: frozenset[str]
    asides: frozenset[str]
    versions: frozenset[str]
    facets: dict[str, Facet]
    words: dict[str, float]
    tones: dict[str, float]
    opinion: bool
    roundup: bool
    speech: bool
    lesson: bool
    chat: bool

    def tone(self, facet: str, family: str, about: Iterable[str] = ()) -> float:
        """How good the news sounds for that facet or family, -1 to +1.

        Read first in the clause of the headline that names what it is ``about``, then in all of it,
        then in the summary.
        """
        kind = TONE_OF.get(facet) or TONE_OF.get(family, "general")
        kinds = (kind,) if facet in PLAIN_GOOD else (kind, "general")
        clause = self._clause(frozenset(about))
        return next((tone for one in kinds if (tone := self._tone(one, clause))), 0.0)

    def _tone(self, kind: str, clause: str) -> float:
        key = f"{kind} {clause}"
        if key not in self.tones:
            texts = (clause, self.title, self.summary)
            self.tones[key] = next((tone for t in texts if (tone := polarity(t, kind))), 0.0)
        return self.tones[key]

    def _clause(self, about: frozenset[str]) -> str:
        """The part of the headline with the first mention of any of these names, or ""."""
        for mention in self.mentions:
            if about & {mention.name.id, mention.name.owner}:
                return _around(self.title, mention.start)
        return ""

    def says(self, facet: str) -> float:
        """How much of this facet is in the story, 0 to 1."""
        found = self.facets.get(facet)
        return found.weight if found else 0.0


def read(title: str, summary: str, published_ns: Nanos | None) -> Story:
    """Read a headline and its summary."""
    head = strip_source(strip_boilerplate(plain(title))).strip()
    body = _body(strip_boilerplate(plain(summary)), head)
    mentions = tuple(NAMES.find(head, tokens(head)))
    named_apart, versions_apart = _apart(head, mentions)
    mentions += named_apart
    below = NAMES.find(body) if body else []
    victims = _victims(head, mentions)
    named = frozenset(mention.name.id for mention in mentions)
    if named & WASHINGTON:
        named |= {"usa"}
    houses = _houses(mentions)
    also = frozenset(m.name.id for m in below) | _houses(tuple(below))
    found = facets(head, body)
    _compound(found, mentions, head)
    day = None if published_ns is None else published_ns // DAY_NS
    return Story(
        title=head,
        summary=body,
        day=day,
        planned=None if day is None else planned_day(head, day),
        mentions=mentions,
        named=named,
        houses=houses,
        also=also - named - houses,
        victims=victims,
        asides=_asides(head, mentions),
        versions=versions(head, mentions) | versions_apart,
        facets=found,
        words=_words(head, body),
        tones={},
        opinion=bool(_OPINION.search(head)),
        roundup=bool(_ROUNDUP.search(head)),
        speech=bool(_SPEECH.search(head)),
        lesson=bool(_LESSON.search(head)),
        chat=bool(_CHAT.search(_WASHINGTON.sub("", head))),
    )


def _body(summary: str, head: str) -> str:
    """The summary without a headline repeated at its start, as aggregators do."""
    body = summary.strip()
    if head and body.startswith(head):
        body = body[len(head) :]
    return body.strip()


def _around(title: str, at: int) -> str:
    """The clause that holds a place in a headline."""
    start, end = 0, len(title)
    for match in _CLAUSE.finditer(title):
        if match.end() <= at:
            start = match.end()
        elif match.start() >= at:
            end = match.start()
            break
    return title[start:end]


def _houses(mentions: tuple[Mention, ...]) -> frozenset[str]:
    return frozenset(_house(m.name) for m in mentions if m.name.owner or m.name.kind == "company")


def _apart(head: str, mentions: tuple[Mention, ...]) -> tuple[tuple[Mention, ...], frozenset[str]]:
    """Models, and their version, whose number stands apart from the one maker that is named."""
    makers = _houses(mentions) & NAMES.arenas["models"]
    number = _APART.search(head)
    if len(makers) != 1 or not number:
        return (), frozenset()
    maker = next(iter(makers))
    version = frozenset({f"{maker} {number.group()[1:]}"})
    if any(mention.start <= number.start() < mention.end for mention in mentions):
        return (), version
    found = NAMES.find(f"{NAMES.names[maker].label} {number.group()}")
    models = (m.name for m in found if m.name.kind == "model")
    return tuple(Mention(name, number.start(), number.end()) for name in models), version


def _house(name: Name) -> str:
    return name.owner or name.id


def _victims(head: str, mentions: tuple[Mention, ...]) -> frozenset[str]:
    """Companies that the headline names as threatened, chased or left."""
    hurt = set()
    for mention in mentions:
        before = head[max(0, mention.start - 60) : mention.start]
        after = head[mention.end : mention.end + 40]
        if _THREAT.search(before) or _THREAT_AFTER.match(after):
            hurt.add(_house(mention.name))
    return frozenset(hurt)


def _asides(head: str, mentions: tuple[Mention, ...]) -> frozenset[str]:
    """Names that only describe another ("Nvidia partner Foxconn", "bitcoin treasury firms")."""
    aside: set[str] = set()
    themselves: set[str] = set()
    for mention in mentions:
        described = _MODIFIER.match(head[mention.end : mention.end + 20])
        (aside if described else themselves).update((mention.name.id, _house(mention.name)))
    return frozenset(aside - themselves)


def _compound(found: dict[str, Facet], mentions: tuple[Mention, ...], head: str) -> None:
    """Facets made of two: a launch of a model or a chip; a model named, with or without number."""
    launch, model, chip = found.get("launch"), found.get("model"), found.get("chip")
    named = next((m for m in mentions if m.name.kind == "model"), None)
    models = [m for m in mentions if m.name.kind == "model"]
    numbered = next((m for m in models if _numbered(head, m)), None)
    if named:
        found["model_brand"] = Facet("model_brand", 1.0, named.name.label, named.start)
    if numbered:
        words = head[numbered.start : numbered.end]
        found["model_named"] = Facet("model_named", 1.0, words, numbered.start)
    if launch and (named or model):
        weight = launch.weight if named or (model and model.weight == 1) else 0.3
        found["model_launch"] = Facet("model_launch", weight, launch.words, launch.at)
    if launch and chip:
        weight = min(launch.weight, chip.weight)
        found["chip_launch"] = Facet("chip_launch", weight, launch.words, launch.at)
    stock, price = found.get("stock"), found.get("price")
    if stock and price:
        weight = min(stock.weight, price.weight)
        found["share_move"] = Facet("share_move", weight, price.words, price.at)
    export = found.get("export")
    if export and (chip or _chipmaker(mentions)):
        weight = export.weight
        found["chip_export"] = Facet("chip_export", weight, export.words, export.at)
    found["any"] = Facet("any", 1.0, "", -1)


def _chipmaker(mentions: tuple[Mention, ...]) -> bool:
    return any(_house(mention.name) in NAMES.arenas["chipmaker"] for mention in mentions)


def _numbered(head: str, mention: Mention) -> bool:
    """Whether a model is named with its version ("GPT-5.2", "Grok 4.1")."""
    written = head[mention.start : mention.end + 4]
    return bool(_MODEL_VERSION.match(written) or _APART.match(written))


def _words(head: str, body: str) -> dict[str, float]:
    """Stems and how much each counts: all of the headline, the summary in part."""
    found: dict[str, float] = {}
    for text, weight in ((head, 1.0), (body, 0.5)):
        told = tokens(text)
        stems = [token.stem for token in told if is_content(token)]
        for stem in (*stems, *numbered_names(told), *concepts(text)):
            found[stem] = max(found.get(stem, 0.0), weight)
    return found
