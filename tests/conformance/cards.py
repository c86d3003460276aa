"""The promises that the practice venue makes to the official clients, as numbered cards.

``python -m tests.conformance.cards`` prints the table that stands in ``docs/conformance.md``.
"""

from dataclasses import dataclass

SDK, OLD = "polymarket-client", "py-clob-client-v2"
BOTH = (SDK, OLD)

HEAD = """# Conformance

Each card is a promise of the venue's protocol. `tests/conformance/` holds one test for each card
and client: the official clients, unchanged, against `python -m practice` on loopback
(`polymarket-client` through its environment's addresses, `py-clob-client-v2` through `host=`).
They run wherever both clients are installed (`pip install -e '.[dev,live]' py-clob-client-v2`)
and are skipped elsewhere. `py-clob-client-v2` has no streams: for it the cards S send the frames
that its documentation gives, with the credentials it made.

| card | promise | clients |
| --- | --- | --- |
"""


@dataclass(frozen=True)
class Card:
    id: str
    promise: str
    clients: tuple[str, ...] = BOTH


CARDS = (
    Card("K1", "A wallet's signature makes an API key once; asking again gives the same key"),
    Card("K2", "Every kind of wallet (EOA, proxy, Safe, deposit) is known, funded and may trade"),
    Card("K3", "Credentials with another secret open nothing"),
    Card("O1", "A limit order that crosses nothing rests (GTC) and is shown as it was sent"),
    Card("O2", "A dated order (GTD) rests until its date; one that ends too soon is refused"),
    Card("O3", "A post-only order rests, and is refused when it would cross"),
    Card("O4", "A market buy (FOK) spends its dollars at the makers' prices or is refused whole"),
    Card("O5", "A market sale (FAK) sells what is wanted at once; the rest is cancelled"),
    Card("O6", "Part of a resting order fills: both sides see how much, the rest goes on resting"),
    Card("O7", "A batch is answered leg by leg: one that fails does not sink the others"),
    Card("O8", "The same signed order again is refused as duplicated and placed once"),
    Card("O9", "Orders are accepted on all three exchanges: standard, neg-risk, protocol V2"),
    Card("O10", "An order that the balance does not cover is refused with the venue's text"),
    Card("C1", "One order is cancelled; cancelling it again says why not"),
    Card("C2", "Many orders are cancelled in one request"),
    Card("C3", "All orders are cancelled"),
    Card("C4", "The orders of one market, or of one of its assets, are cancelled alone"),
    Card("Q1", "Open orders come in pages of a hundred until the last cursor, each once"),
    Card("Q2", "A trade is matched, has a hash within seconds and is then confirmed"),
    Card("Q3", "Balances are whole: reservations stay in, what was paid and the fee are out"),
    Card("Q4", "Scoring, notifications and the closed-only state are answered"),
    Card("H1", "Heartbeats chain; a stale id is told the right one"),
    Card("H2", "After a heartbeat, fifteen seconds of silence cancel the key's orders"),
    Card("S1", "The market stream sends a book first, then each change of it"),
    Card("S2", "The user stream tells both sides of a trade every step up to CONFIRMED"),
    Card("S3", "After a cut the market stream begins with a book that equals the venue's"),
    Card("S4", "After a cut of the user stream, REST shows what was missed"),
)


def table() -> str:
    rows = [f"| {card.id} | {card.promise} | {', '.join(card.clients)} |" for card in CARDS]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
