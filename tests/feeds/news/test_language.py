"""Languages are told apart by script and little words, and a feed's own word is weighed."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.news.entry import language_tag
from feeds.news.language import detect, majority, reconciled
from feeds.news.parse import parse_feed
from tests.feeds.news.newsroom import item, rss

# what recorded documents are written in; most declare nothing
RECORDED = {
    "feedjira-google_alerts_atom.xml": "en",
    "feedjira-techcrunch.xml": "en",
    "feedkit-ampersand.xml": "da",
    "feedparser-euc-kr-item.xml": "ko",
    "feedparser-eucjp.xml": "ja",
    "feedparser-gb2312.xml": "zh",
    "netnewswire-aktuality.rss": "sk",
    "netnewswire-bio.rdf": "en",
    "netnewswire-daringfireball.json": "en",
    "netnewswire-kc0011.rss": "zh",
    "netnewswire-livemint.xml": "en",
    "node-feedparser-iconv.xml": "ru",
    "rss-feeds-feed_mistral.xml": "en",
    "rss-parser-guardian.rss": "en",
    "rss-parser-heise.atom": "de",
    "rss-translation-36kr.xml": "zh",
    "rss-translation-36krai.xml": "zh",
    "tinyxml2-geekpark.xml": "zh",
    "tinyxml2-iteye_news.xml": "zh",
    "tinyxml2-leiphone.xml": "zh",
    "tinyxml2-techweb.xml": "zh",
    "v2-encoding_iso-8859-1.xml": "de",
    "v2-encoding_windows-1251.xml": "ru",
    "v2-koi8r.xml": "ru",
    "v2-rdf_utf8.xml": "de",
    "v2-urdu_utf8.xml": "ur",
}


def base(tag: str) -> str:
    return tag.partition("-")[0].lower()


def test_recorded_documents_are_in_the_language_that_they_are_in(shared_data: Path) -> None:
    right = total = 0
    for name, language in RECORDED.items():
        feed = parse_feed((shared_data / "feeds" / name).read_bytes())
        found = Counter(base(entry.language) for entry in feed.entries)
        assert found.most_common(1)[0][0] == language, (name, found)
        right += found[language]
        total += len(feed.entries)
    assert total > 600
    assert right / total >= 0.98


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Nvidia says that it will ship the new chips to its customers this year", "en"),
        ("Der Chiphersteller will die neuen Prozessoren noch in diesem Jahr mit ausliefern", "de"),
        ("Le fabricant de puces va livrer les nouveaux processeurs aux clients cette année", "fr"),
        ("El fabricante de chips entregará los nuevos procesadores a sus clientes este año", "es"),
        (
            "Il produttore di chip consegnerà i nuovi processori ai clienti nel corso dell'anno",
            "it",
        ),
        ("A fabricante de chips vai entregar os novos processadores no ano que vem", "pt"),
        ("De chipmaker levert de nieuwe processors dit jaar aan het bedrijf en zijn klanten", "nl"),
        ("英伟达发布新一代 Rubin GPU 与 NVLink", "zh"),
        ("エヌビディアが新GPUを発表", "ja"),
        ("엔비디아, 새 GPU 공개", "ko"),
        ("Нвидиа представила новый чип", "ru"),
        ("Нвідіа представила новий чіп і її продажі", "uk"),
        ("إنفيديا تكشف عن رقاقة جديدة", "ar"),
        ("אנבידיה חושפת שבב חדש", "he"),
        ("Η Nvidia παρουσίασε νέο τσιπ", "el"),
        ("Nvidia H200", ""),
        ("", ""),
        ("1234 !!!", ""),
    ],
)
def test_a_headline_tells_its_language_or_nothing(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    ("declared", "text", "language"),
    [
        ("en-US", "英伟达发布新一代GPU", "zh"),
        ("zh-TW", "輝達發表新一代GPU", "zh-TW"),
        ("zh", "Nvidia H200 GPU", "zh"),
        ("zh", "Nvidia says that the H200 is on its way to the customers", "en"),
        ("en", "Der Chiphersteller will die Prozessoren mit dem neuen Werk ausliefern", "de"),
        ("en-GB", "Chips up", "en-GB"),
        ("", "Chips up", ""),
        ("", "The chips are up for the third day of the week", "en"),
    ],
)
def test_a_publishers_word_stands_unless_the_text_is_surely_another(
    declared: str, text: str, language: str
) -> None:
    assert reconciled(declared, text) == language


def test_short_items_of_a_feed_that_declares_nothing_are_in_the_language_of_most() -> None:
    told = "The chip maker says that the plant is to open in the autumn"
    feed = parse_feed(rss(item("One", summary=told), item("Two", summary=told), item("H200")))
    assert feed.language == "en"
    assert [entry.language for entry in feed.entries] == ["en"] * 3
    assert majority([]) == ""
    assert majority(["der die und", "the of and"]) == ""


@given(st.text(max_size=80), st.sampled_from(["", "en", "zh-CN"]))
def test_whatever_the_text_a_tag_or_nothing_comes_out(text: str, declared: str) -> None:
    found = reconciled(declared, text)
    assert found == "" or language_tag(found) == found
