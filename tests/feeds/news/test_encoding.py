import codecs

import pytest

from feeds.news.charsets import codec_of
from feeds.news.encoding import decode

JAPANESE = "<rss><title>ゲーム三昧な正月の記事を読んでいます</title></rss>"
CHINESE = "<rss><title>阿里巴巴发布新的人工智能模型，股价上涨</title></rss>"
TAIWANESE = "<rss><title>台積電宣布擴大資本支出，股價創下新高</title></rss>"
KOREAN = "<rss><title>삼성전자가 새로운 반도체를 발표했다</title></rss>"
GERMAN = "<rss><title>Größere Aufträge für Öfen</title></rss>"
RUSSIAN = "<rss><title>Сегодня компания показала новый процессор</title></rss>"
GREEK = "<rss><title>Νέο τσιπ από την εταιρεία σήμερα</title></rss>"


def declared(text: str, label: str) -> str:
    return f'<?xml version="1.0" encoding="{label}"?>{text}'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (CHINESE, "gb18030"),
        (TAIWANESE, "big5"),
        (KOREAN, "euc_kr"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (GREEK, "cp1253"),
        (GERMAN, "cp1252"),
        ("<rss><title>AMD’s “next” chip — €1</title></rss>", "cp1252"),
    ],
)
def test_an_undeclared_encoding_is_known_by_its_bytes(text: str, name: str) -> None:
    assert decode(text.encode(name)) == text


def test_a_long_document_is_guessed_by_its_beginning_and_cut_in_no_character() -> None:
    for pad in range(4):
        text = f"<rss><title>{'x' * pad}{'芯片股价上涨。' * 30}</title></rss>" * 100
        assert decode(text.encode("gb18030")) == text


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_known_with_and_without_a_mark(name: str) -> None:
    mark = "\ufeff".encode(name)
    assert decode(GERMAN.encode(name)) == GERMAN
    assert decode(f"\r\n {GERMAN}".encode(name)) == f"\r\n {GERMAN}"
    assert decode(mark + GERMAN.encode(name)) == GERMAN
    said = declared(GERMAN, "utf-8")
    assert decode(said.encode(name)) == said


def test_a_mark_beats_the_header_and_the_header_beats_the_declaration() -> None:
    said = declared(GERMAN, "koi8-r")
    assert decode(said.encode("cp1252"), charset="windows-1252") == said
    assert decode(codecs.BOM_UTF8 + said.encode(), charset="koi8-r") == said
    russian = declared(RUSSIAN, "koi8-r")
    assert decode(russian.encode("koi8-r")) == russian


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("Shift_JIS", "cp932"),
        ("x-sjis", "cp932"),
        ("Windows-31J", "cp932"),
        ("MS_Kanji", "cp932"),
        ("euc-kr", "cp949"),
        ("ks_c_5601-1987", "cp949"),
        ("windows-949", "cp949"),
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("x-gbk", "gb18030"),
        ("windows-936", "gb18030"),
        ("big5", "big5hkscs"),
        ("Big5-HKSCS", "big5hkscs"),
        ("cn-big5", "big5hkscs"),
        ("windows-950", "big5hkscs"),
        ("windows-874", "cp874"),
        ("tis-620", "cp874"),
        ("iso-8859-11", "cp874"),
        ("iso-8859-9", "cp1254"),
        ("latin1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("x-cp1251", "cp1251"),
        ("win-1251", "cp1251"),
        ("cp-1251", "cp1251"),
        ("iso-8859-8-i", "iso8859-8"),
        ("logical", "iso8859-8"),
        ("iso-8859-6-e", "iso8859-6"),
        ("koi8-ru", "koi8-u"),
        ("x-mac-cyrillic", "mac-cyrillic"),
        ("ucs-2", "utf-16-le"),
        ("unicode-1-1-utf-8", "utf-8"),
        (" 'UTF-8' ", "utf-8"),
        ("utf-7", ""),
        ("unicode_escape", ""),
        ("cp037", ""),
        ("zip", ""),
        ("bogus", ""),
        ("x" * 10_000, ""),
        ("", ""),
    ],
)
def test_labels_have_the_wide_meaning_that_the_standard_gives_them(label: str, codec: str) -> None:
    assert codec_of(label) == codec


@pytest.mark.parametrize(
    ("label", "raw", "text"),
    [
        ("Shift_JIS", b"\x87\x8a\x87\x40\x87\x90\xfa\x40", "㈱①≒ⅰ"),
        ("EUC-JP", b"\xad\xa1\xad\xea\xa1\xc1\x8e\xb1", "①㈱～ｱ"),
        ("iso-2022-jp", b"\x1b$B3t-!\x1b(B", "株①"),
        ("euc-kr", b"\x8c\x63\xb0\xa1", "똠가"),
        ("gb2312", b"\x96\x7c\xe9\x46\x80", "東镕€"),
        ("gbk", b"\x81\x30\x81\x30\xa2\xe3", "\x80€"),
        ("big5", b"\xfa\x40\xf9\xd6\xa1\xe3\xa3\xe1", "𠕇碁～€"),
        ("windows-874", b"\x80\xa1\xfb\x81", "€ก๛\x81"),
        ("iso-8859-1", b"\x80\x93x\x94\x81", "€“x”\x81"),
        ("iso-8859-9", b"\x80\xfe", "€ş"),
        ("x-cp1251", b"\xd7\xe8\xef\x98", "Чип\x98"),
        ("iso-8859-8-i", b"\xf9\xe1\xe1", "שבב"),
        ("koi8-u", b"\xae\xbe\xa4", "ўЎє"),
    ],
)
def test_signs_of_the_wide_sets_are_read_whatever_the_small_set_holds(
    label: str, raw: bytes, text: str
) -> None:
    body = declared("<rss>", label).encode() + raw + b"</rss>"
    assert decode(body) == declared(f"<rss>{text}</rss>", label)
    assert decode(b"<rss>" + raw + b"</rss>", charset=label) == f"<rss>{text}</rss>"


@pytest.mark.parametrize("label", ["ISO-8859-1", "koi8-r", "windows-1251", "us-ascii", "macintosh"])
@pytest.mark.parametrize("text", [GERMAN, CHINESE, "<rss>é</rss>", "<rss>🚀</rss>"])
def test_no_single_byte_encoding_beats_sound_utf8(label: str, text: str) -> None:
    assert decode(text.encode(), charset=label) == text
    said = declared(text, label)
    assert decode(said.encode()) == said
    said = declared(text, "utf-8")
    assert decode(said.encode(), charset=label) == said


@pytest.mark.parametrize("label", ["gb2312", "shift_jis", "big5", "euc-kr", "euc-jp"])
def test_an_encoding_of_east_asia_beats_utf8_only_where_the_bytes_say_little(label: str) -> None:
    assert decode(CHINESE.encode(), charset=label) == CHINESE
    assert decode(RUSSIAN.encode(), charset=label) == RUSSIAN
    said = declared("<rss>联想</rss>", "gb2312")  # two characters that are sound UTF-8 as well
    assert decode("<rss>鲁男</rss>".encode("gb18030"), charset="gbk") == "<rss>鲁男</rss>"
    assert decode(said.encode("gb18030")) == said


@pytest.mark.parametrize("label", ["utf-16", "UTF-16LE", "utf-16be", "ucs-2", "utf-32", "unicode"])
@pytest.mark.parametrize("text", [GERMAN, CHINESE, "<rss>even</rss>", "<rss>odd</rss>"])
def test_bytes_without_zeros_are_no_utf16_for_all_they_say(label: str, text: str) -> None:
    said = declared(text, label)
    assert decode(said.encode()) == said
    assert decode(text.encode(), charset=label) == text


def test_surrogates_that_were_written_one_by_one_are_the_sign_that_they_mean() -> None:
    pair = "<rss>\ud83d\ude80 up, \ud83d</rss>".encode("utf-8", "surrogatepass")
    assert decode(pair) == "<rss>🚀 up, \ufffd</rss>"


@pytest.mark.parametrize("name", ["utf-7", "unicode_escape", "bogus", "zip", "idna", "cp037"])
def test_an_encoding_that_is_no_script_of_the_world_is_not_believed(name: str) -> None:
    document = declared("<rss>+ADw-\\x3c</rss>", name)
    assert decode(document.encode()) == document


def test_a_few_broken_bytes_do_not_change_the_encoding() -> None:
    assert decode(CHINESE.encode() * 5 + b"\xff") == CHINESE * 5 + "\ufffd"
    said = declared(JAPANESE * 5, "shift_jis")
    assert decode(said.encode("cp932") + b"\x81") == said + "\ufffd"
