"""The promises that the practice venue makes to the official clients, as numbered cards.

``python -m tests.conformance.cards`` prints what ``docs/conformance.md`` begins with.
"""

from dataclasses import dataclass

SDK, OLD = "polymarket-client", "py-clob-client-v2"
BOTH = (SDK, OLD)

HEAD = """# Conformance

Each card is a promise of the venue's protocol. `tests/conformance/` holds one test for each card
and client: the official clients, unchanged, against `python -m practice` on loopback
(`polymarket-client` through its environment's addresses, `py-clob-client-v2` through `host=`).
They run wherever both clients are installed (`pip install -e '.[dev,live,conformance]'`) and are
skipped elsewhere. `py-clob-client-v2` has no streams: for it the cards that listen send the frames
that its documentation gives, with the credentials it made. A card that names one client asks for
something that the other has no call for.

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
    Card("K4", "A read-only key shows its owner's orders and places none", (OLD,)),
    Card("K5", "Builder keys are made, listed without their secrets, and taken back"),
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
    Card("O11", "Where a market delays takers, an order is delayed first and looked at anew after"),
    Card("O12", "An order that the exchange may not move money for is refused, naming the spender"),
    Card(
        "O13",
        "Leave that is missing is given by a transaction, then the order rests",
        (SDK,),
    ),
    Card("O14", "A reply that is lost: the order is there, and the same one again is duplicated"),
    Card("O15", "A finer tick is told by the stream, and its prices are accepted from then on"),
    Card("C1", "One order is cancelled; cancelling it again says why not"),
    Card("C2", "Many orders are cancelled in one request"),
    Card("C3", "All orders are cancelled"),
    Card("C4", "The orders of one market, or of one of its assets, are cancelled alone"),
    Card("C5", "An order that loses its cover is cancelled by the venue, which says why"),
    Card("Q1", "Open orders come in pages of a hundred until the last cursor, each once"),
    Card("Q2", "A trade is matched, has a hash within seconds and is then confirmed"),
    Card("Q3", "Balances are whole: reservations stay in, what was paid and the fee are out"),
    Card("Q4", "Scoring, notifications and the closed-only state are answered"),
    Card("Q5", "Prices, spreads and the last trade are those of the book; history ends in them"),
    Card("Q6", "A book's hash can be made again from what was sent", (OLD,)),
    Card("Q7", "The catalogue comes whole by keyset pages, by slug, by id and by search", (SDK,)),
    Card("Q8", "Positions, value, activity and approvals are those of the wallet", (SDK,)),
    Card("Q9", "Makers are told their rebates of the day: a share of what takers paid", (SDK,)),
    Card("M1", "A resolved market pays a dollar a share and takes its orders off"),
    Card("M2", "A market that ends void pays half a dollar for every share"),
    Card("M3", "A matched trade whose settlement fails is told, and gives everything back"),
    Card("V1", "A restart refuses with 425, then only post-only orders pass, then all"),
    Card("V2", "Who comes too often is refused with a time to come back, and told how it stands"),
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
