"""The text door: whatever comes in, what goes out can be printed, twice passed is once passed."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.text import (
    ELLIPSIS,
    MARKS_MAX,
    REPLACEMENTS_MAX,
    URL_CHARS_MAX,
    from_html,
    paragraph,
    printable,
    safe_url,
)

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
TERMINAL = [
    "\x1b",
    "\x9b",
    "\x9d",
    "\x90",
    "\x9c",
    "\x07",
    "]",
    "[",
    "31m",
    "8;;",
    "52;c;",
    "\x1b\\",
]
SPACES = ["\r", "\n", "\x00", "\x7f", "\x85", "\u2028", "\u00ad", "\ufeff", "\u200b"]
JOINING = ["\u200d", "\ufe0f", "\u20e3", "\u034f", "\u0301", "\U000e0041", "\U000e007f", "\u093c"]
JOINED = [
    "\U0001f3f4",
    "\U0001f469",
    "\U0001f3fd",
    "❤",
    "1",
    "e",
    "ö",
    "한",
    "\u1112\u1161",
    "\u1160",
]
BROKEN = ["\ufffd", "\ud800", "\udfff"]
MARKUP = ["&amp;", "&#27;", "<b>", "</script>", "<script>", "[/", "[red]"]
NASTY = [*TERMINAL, *SPACES, *JOINING, *JOINED, *BROKEN, *MARKUP, *BIDI]
hostile = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(max_size=4), st.characters()), max_size=60
).map("".join)


def complaints(text: str, *, newlines: bool = False) -> list[str]:
    """What a terminal could obey or a reader could be fooled by."""
    found = []
    for at, char in enumerate(text):
        kind = unicodedata.category(char)
        joiner = char == "\u200d" or 0xE0020 <= ord(char) <= 0xE007F
        if kind in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") and not (newlines and char == "\n"):
            found.append(f"{char!r} ({kind}) at {at}")
        elif (kind == "Cf" and not joiner) or char in BIDI:
            found.append(f"{char!r} at {at}")
        elif joiner and (at == 0 or text[at - 1] in " \n"):
            found.append(f"{char!r} joins nothing at {at}")
    return found


@settings(max_examples=400)
@given(hostile)
def test_no_line_holds_a_control_escape_or_direction_character(text: str) -> None:
    for door in (printable, from_html):
        assert not complaints(door(text))
        assert "\n" not in door(text)


@settings(max_examples=400)
@given(hostile)
def test_no_paragraph_holds_one_either_but_for_line_ends(text: str) -> None:
    assert not complaints(paragraph(text), newlines=True)
    assert not complaints(from_html(text, lines=True), newlines=True)


@settings(max_examples=600)
@given(hostile, st.integers(min_value=1, max_value=40))
def test_the_door_passed_twice_is_the_door_passed_once(text: str, max_chars: int) -> None:
    for door in (printable, paragraph):
        once = door(text, max_chars)
        assert len(once) <= max_chars
        assert door(once, max_chars) == once
        assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;ZXZpbA==\x07Nvidia", "Nvidia"),
        ("\x1b]8;;http://x.example\x1b\\Nvidia\x1b]8;;\x1b\\ up", "Nvidia up"),
        ("\x1bP+q544e\x1b\\ok", "ok"),
        ("a \x1b[31;1mred\x1b[0m b", "a red b"),
        ("\x9b2Jclear", "clear"),
        ("\x9d0;title\x9cok", "ok"),
        ("\x1b(0line", "line"),
        ("one\x1b[\x1b[0m31mtwo", "onetwo"),
        ("profit \u202e%01 nwod", "profit %01 nwod"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tab\tand\nnewline\u2028end\u00a0", "tab and newline end"),
        ("[red]not markup[/] [/", "[red]not markup[/] [/"),
        ("Cafe\u0301", "Café"),
        ("\u0301lone mark", "lone mark"),
        ("half \ud83d surrogate", "half surrogate"),
        ("no such emoji \U0001f1ae \U0001f469\u200d\U0001f1ae", "no such emoji 👩"),
        ("", ""),
    ],
)
def test_a_headline_comes_out_as_plain_text(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_an_unterminated_sequence_loses_its_introducer_alone() -> None:
    assert printable("\x1b]0;all the rest of the headline") == "0;all the rest of the headline"
    assert printable("\x9eivot in Windows-1252") == "ivot in Windows-1252"


@pytest.mark.parametrize(
    "emoji",
    [
        "👩‍🚀",
        "👩🏽‍🚀",
        "❤️",
        "1️⃣",
        "🇩🇪",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    ],
)
def test_joiners_stay_inside_emoji(emoji: str) -> None:
    assert printable(f"a {emoji} b") == f"a {emoji} b"


def test_tag_characters_outside_a_flag_go() -> None:
    assert printable("buy\U000e0073\U000e0065\U000e006c\U000e006c") == "buy"


def test_a_tower_of_marks_is_cut_down() -> None:
    shown = printable("Z" + "\u0308\u0301" * 50 + "algo")
    marks = sum(unicodedata.combining(char) > 0 for char in unicodedata.normalize("NFD", shown))
    assert shown.endswith("algo")
    assert 0 < marks <= MARKS_MAX + 1


def test_scripts_keep_the_marks_they_need() -> None:
    for text in ("שָׁלוֹם", "หนังสือ", "Việt Nam", "हिन्दी", "العربية"):
        assert printable(text) == unicodedata.normalize("NFC", text)


def test_a_storm_of_replacement_signs_is_calmed() -> None:
    assert printable("a" + "\ufffd" * 90 + "b") == "a\ufffdb"
    assert printable("x\ufffd" * 90).count("\ufffd") == REPLACEMENTS_MAX


def test_a_long_line_ends_in_an_ellipsis_and_never_inside_an_emoji() -> None:
    assert printable("word " * 100, 12) == "word word w" + ELLIPSIS
    assert printable("ab👩‍🚀", 4) == "ab👩" + ELLIPSIS


def test_a_paragraph_keeps_its_lines_and_one_empty_line_between() -> None:
    assert paragraph("one\r\ntwo\r\r\n\n\n three  four \x0b") == "one\ntwo\n\nthree four"


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>AT&amp;T &lt;3</p>", "AT&T <3"),
        ("&amp;lt;b&amp;gt; stays text", "&lt;b&gt; stays text"),
        ("<b>bold</b> <script>alert(1)</script>ok<style>p{}</style>", "bold ok"),
        ("one<br>two<p>three", "one two three"),
        ("<a href='javascript:x'>link</a><img src=x onerror=y>", "link"),
        ("&#27;[31mred&#x9b;0m", "red›0m"),
        ("a < b and c > d", "a < b and c > d"),
        ("unfinished <b", "unfinished"),
        ("&euro;5 &mdash; &#8217;til", "€5 — ’til"),
    ],
)
def test_html_is_read_once_and_tags_go_with_their_scripts(html: str, shown: str) -> None:
    assert from_html(html) == shown


def test_blocks_end_lines_when_lines_are_wanted() -> None:
    assert from_html("<h1>Head</h1><ul><li>a<li>b</ul>", lines=True) == "Head\n\na\nb"


@pytest.mark.parametrize(
    ("url", "base", "safe"),
    [
        ("https://Example.com/A?b=1&utm_source=x&c=2", "", "https://example.com/A?b=1&c=2"),
        ("/story?fbclid=1", "https://a.example/feed.xml", "https://a.example/story"),
        ("http://a.example/p#utm_source=rss", "", "http://a.example/p"),
        ("http://a.example/p#section", "", "http://a.example/p#section"),
        ("http://a.example/x?source=rss----b8&id=3", "", "http://a.example/x?id=3"),
        ("http://bücher.example/ä b", "", "http://xn--bcher-kva.example/%C3%A4%20b"),
        ("http://\u0430pple.com/", "", "http://xn--pple-43d.com/"),
        ("http://a.example:8080/%20?q=%26", "", "http://a.example:8080/%20?q=%26"),
        ("http://[2001:db8::1]/x", "", "http://[2001:db8::1]/x"),
    ],
)
def test_an_address_comes_out_absolute_and_without_tracking(url: str, base: str, safe: str) -> None:
    assert safe_url(url, base) == safe
    assert safe_url(safe) == safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sign in at \u0430pple.com today", "Sign in at xn--pple-43d.com today"),
        ("https://www.g\u03bf\u03bfgle.com/x", "https://www.xn--ggle-0nda.com/x"),
        ("\u0440\u0430\u0443.com pays", "xn--80a5ak.com pays"),
        ("apple.com and bücher.example", "apple.com and bücher.example"),
        ("новости.com и яндекс.ru", "новости.com и яндекс.ru"),
        ("Nvidia поставляет чипы. The end", "Nvidia поставляет чипы. The end"),
    ],
)
def test_a_host_in_a_text_that_passes_for_another_is_spelt_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


@pytest.mark.parametrize("host", ["\u0430pple.com", "g\u03bf\u03bfgle.com", "\uff45vil.example"])
def test_no_address_hides_whose_it_is(host: str) -> None:
    safe = safe_url(f"https://{host}/")
    assert safe.isascii()
    assert "xn--" in safe or safe == "https://evil.example/"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ssh://host/x",
        "ftp://host/x",
        "mailto:a@b.example",
        "http://user:secret@host.example/",
        "http://good.example@evil.example/",
        "http://good.example\\@evil.example/",
        "http://a.example/\x1b[2J",
        "http://a.example/\u202egpj.exe",
        "http://a.example/ok\nX-Injected: 1",
        "http://a.example:99999/",
        "http://a.example:port/",
        "http://[::1",
        "http://exa mple.example/",
        "http://-/",
        "http:///path",
        "--option",
        "http://" + "a" * 300 + ".example/",
        "http://a.example/" + "x" * URL_CHARS_MAX,
    ],
)
def test_an_address_that_is_not_plain_http_is_none(url: str) -> None:
    assert safe_url(url) == ""


@settings(max_examples=300)
@given(hostile, st.sampled_from(["", "http://a.example/", "https://x.example/y?z"]))
def test_whatever_the_address_what_comes_out_is_ascii_http_or_nothing(text: str, base: str) -> None:
    for url in (text, base + text):
        safe = safe_url(url, base)
        assert safe == "" or safe.startswith(("http://", "https://"))
        assert safe.isascii()
        assert safe.isprintable()
        assert " " not in safe
        assert safe_url(safe) == safe
