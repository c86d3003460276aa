"""`ftt news`: the stories, and one of them whole, as the terminal shows it."""

import argparse
import uuid
from collections.abc import Iterator, Sequence

from feeds import figures
from feeds.markets import ONE, Nanos
from terminal.cli import DONE, CommandError
from terminal.commands import out
from terminal.commands.ask import plain, query_of, show
from terminal.commands.common import ask, ask_if_running
from terminal.presenters import times
from terminal.presenters.account import story_named, story_words, with_words
from terminal.protocol.views import ArticleView, CardView, Done, FromEngine, Query, Rows, StoryRow
from terminal.stores.paths import Paths
from terminal.stores.story_store import StoredStories, StoryStore

ID_SHOWN = 8
"""So much of an id tells two stories of a session apart."""
_WAYS = {1: "for YES", -1: "against YES"}


def run(arguments: argparse.Namespace) -> int:
    """The stories, newest first, or one with its markets; from what was kept if no engine runs."""
    return _one(arguments) if arguments.story else _all(arguments)


# -- all ---------------------------------------------------------------------------------------


def _all(arguments: argparse.Namespace) -> int:
    query = query_of(arguments, "news")
    answer = ask_if_running(query)
    if answer is not None:
        rows, as_of_ns = _rows(answer).news, 0
    else:
        kept = _kept(query)
        rows = with_words(kept.rows, query.text, query.most, story_words)
        as_of_ns = kept.as_of_ns
    return show(arguments, rows, COLUMNS, _cells, "no story yet", as_of_ns, KEPT)


COLUMNS = ("seen", "source", "*story", ">odds", "move", "market", "id")
KEPT = "as the last session left them"


def _cells(row: StoryRow) -> Sequence[str]:
    others = f" +{row.sources - 1}" if row.sources > 1 else ""
    odds = f"{figures.percent(row.odds)} {figures.move(row.points)}" if row.links else ""
    clock, short = times.clock(row.first_seen_ns), row.id[:ID_SHOWN]
    return (clock, row.source + others, row.title, odds, row.verdict, row.lead_question, short)


def _rows(answer: FromEngine) -> Rows:
    if isinstance(answer, Done):
        raise CommandError(answer.message)
    assert isinstance(answer, Rows)
    return answer


def _kept(query: Query) -> StoredStories:
    told = StoryStore(Paths.find().state).read()
    if told is None:
        ask(query)  # says how to start an engine
        raise CommandError("no engine runs, and no session has left its stories")
    return told


# -- one ---------------------------------------------------------------------------------------


def _one(arguments: argparse.Namespace) -> int:
    query = Query(id=uuid.uuid4().hex, what="story", text=arguments.story)
    answer = ask_if_running(query)
    article, as_of_ns = (_rows(answer).article, 0) if answer is not None else _kept_one(query)
    assert article is not None
    if arguments.json:
        as_of = {"as_of": times.iso(as_of_ns)} if as_of_ns else {}
        out.data(plain(article) | as_of)
        return DONE
    if as_of_ns:
        out.talk(f"no engine runs: as of {times.iso(as_of_ns)}, as the last session left it")
    _say(article)
    return DONE


def _kept_one(query: Query) -> tuple[ArticleView, Nanos]:
    kept = _kept(query)
    articles = {article.story_id: article for article in kept.articles}
    story_id, trouble = story_named(articles, query.text)
    if trouble:
        raise CommandError(trouble)
    return articles[story_id], kept.as_of_ns


def _say(article: ArticleView) -> None:
    """The article, its markets from the most touched to the least, and what it means."""
    out.paragraph(article.title, strong=True)
    out.paragraph(" · ".join(_dateline(article)))
    if article.summary:
        out.line("")
        out.paragraph(article.summary)
    for rank, card in enumerate(article.cards, start=1):
        _say_card(card, rank)
    left = article.links - len(article.cards)
    if left > 0:
        out.line("")
        out.paragraph(f"and {left} more, each less sure than these")
    _say_meaning(article)
    _say_source(article)


def _dateline(article: ArticleView) -> Iterator[str]:
    yield article.source
    published = times.iso(article.published_ns)
    yield f"published {published}" if published else "no date given"
    yield f"first seen {times.iso(article.first_seen_ns)}"
    yield f"novelty {article.novelty:.2f}"
    if article.revision:
        yield f"edited {article.revision} times" if article.revision > 1 else "edited once"
    if article.date_note:
        yield article.date_note
    yield f"id {article.story_id}"


def _say_card(card: CardView, rank: int) -> None:
    out.line("")
    out.paragraph(card.question, lead=f"{rank}. ", strong=True)
    out.paragraph("   ".join(_odds(card)), lead="   ")
    verdict = ", ".join((card.verdict, *card.notes)) if card.verdict else ""
    for remark in card.remarks:
        out.paragraph(remark, lead="   ")
    if verdict:
        out.paragraph(f"{verdict}: {card.reason}" if card.reason else verdict, lead="   ")
    way = _WAYS.get(card.direction, "either way")
    judged = f" and judged by {card.judge}" if card.judge else ""
    out.paragraph(f"linked{judged} {card.relevance:.0%}, {way}: {card.why}", lead="   ")
    out.paragraph("   ".join(_book(card)), lead="   ")


def _odds(card: CardView) -> Iterator[str]:
    yield f"{figures.percent(card.odds)} %"
    if card.odds_at_story is not None:
        yield f"{figures.percent(card.odds_at_story)} % at the story"
    if card.points is not None:
        yield f"{figures.move(card.points)} points"
    if card.z is not None:
        yield f"z {figures.usual_moves(card.z, signed=True)}"


def _book(card: CardView) -> Iterator[str]:
    quoted = card.best_bid > 0 or card.best_ask < ONE
    if quoted:
        yield f"bid / ask {figures.cents(card.best_bid)} / {figures.cents(card.best_ask)}"
    age = "" if card.age_s is None else f" {card.age_s:g} s"
    yield f"book {card.book_state}{age}"
    if card.volume:
        yield f"volume ${card.volume:,.0f}"


def _say_meaning(article: ArticleView) -> None:
    for number, sentences in enumerate(article.meaning):
        out.line("")
        if not number:
            out.paragraph("What it means for the market", strong=True)
        out.paragraph(sentences)


def _say_source(article: ArticleView) -> None:
    told = [f"told by {', '.join(article.sources)}"] if len(article.sources) > 1 else []
    told += [f"by {article.author}"] if article.author else []
    told += [article.url] if article.url else []
    if told:
        out.line("")
    for text in told:
        out.paragraph(text)
