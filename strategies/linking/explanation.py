"""One sentence for a link, made of what its score is made of."""

from strategies.decisions import Link
from strategies.linking.index import Group
from strategies.linking.knowledge.affinity import Reading
from strategies.linking.knowledge.names import NAMES
from strategies.linking.knowledge.reading import Story
from strategies.linking.words import tokens

FACET_WORDS = {
    "model_launch": "a model launch",
    "model_named": "news of a model",
    "chip_launch": "a chip launch",
    "chip_export": "chip exports",
    "model_brand": "a model named",
    "any": "",
    "ipo": "a listing",
    "vr": "virtual reality",
    "exec": "a change at the top",
    "agi": "general intelligence",
    "node": "chip production",
    "rates": "interest rates",
    "ads": "advertising",
}
FAMILY_WORDS = {
    "lead": "who has the best model",
    "release": "a release",
    "score": "a benchmark score",
    "ipo": "a listing",
    "ipo_cap": "the value at listing",
    "largest": "the largest company",
    "price": "a price",
    "export": "chip exports",
    "exec": "who stays in charge",
    "nomination": "a nomination",
    "wealth": "a fortune",
    "richest": "who is richest",
    "autonomy": "driverless cars",
    "bubble": "a bubble",
    "rates": "interest rates",
    "rate_steps": "how far rates move",
    "valuation": "a valuation",
    "acquisition": "a takeover",
    "for_profit": "the legal form",
    "revenue": "revenue or value",
    "users": "users",
    "capacity": "capacity",
    "outage": "an outage",
    "lawsuit": "a court case",
    "tariff": "trade",
    "law": "a law",
    "layoffs": "jobs",
    "military": "force",
    "peace": "peace",
    "leader": "who leads",
    "election": "an election",
    "agi": "general intelligence",
}


SHARED_MAX = 4
PUSHES = {1: "pushes YES up", -1: "pushes YES down", 0: "direction unclear"}


def why(story: Story, group: Group, reading: Reading, pushed: int) -> str:
    """Who is named, what happened in which words, what the market asks, and which way."""
    parts = [_who(group, reading), _what(story, group, reading)]
    ask = FAMILY_WORDS.get(group.intent.family)
    if ask:
        parts.append(f"the market asks about {ask}")
    elif not any(parts):
        parts.append("close in meaning to what the market asks")
    parts.append(PUSHES[pushed])
    return "; ".join(part for part in parts if part) + "."


def judged_why(own: Link, judge: str, pushed: int) -> str:
    """A link's sentence after a judge had a say: who that was, and which way it pushes now."""
    before = own.why.removesuffix(f"{PUSHES[own.direction]}.").rstrip("; .")
    parts = [before, f"judged by {judge}", PUSHES[pushed]]
    return "; ".join(part for part in parts if part) + "."


def _who(group: Group, reading: Reading) -> str:
    name = NAMES.names.get(group.intent.subject)
    label = name.label if name else group.intent.subject
    where = "headline" if reading.standing >= 1 else "summary"
    match reading.relation:
        case "self" if label:
            return f"{where} names {label}"
        case "victim":
            return f"{label} is the one threatened"
        case "against":
            return f"names the one whom {label} is compared with"
        case "rival":
            return f"about a rival of {label}"
    return ""


def _what(story: Story, group: Group, reading: Reading) -> str:
    if reading.row is None:
        return _shared(story, group)
    facet = story.facets[reading.row.facet]
    if not facet.words:
        return _shared(story, group)
    said = FACET_WORDS.get(facet.name, facet.name)
    return f"{said} (“{facet.words}”)"


def _shared(story: Story, group: Group) -> str:
    """The question's words that the story has too, as the headline writes them."""
    asked = group.words.asked
    heard = dict.fromkeys(
        token.text if token.raw.islower() else token.raw
        for token in tokens(f"{story.title} {story.summary}")
        if token.stem in asked
    )
    return f"shares the words {', '.join(list(heard)[:SHARED_MAX])}" if heard else ""
