import codecs

import pytest

from feeds.news.encoding import decode

JAPANESE = "<rss><title>ゲーム三昧な正月の記事を読んでいます</title></rss>"
CHINESE = "<rss><title>阿里巴巴发布新的人工智能模型，股价上涨</title></rss>"
TAIWANESE = "<rss><title>台積電宣布擴大資本支出，股價創下新高</title></rss>"
KOREAN = "<rss><title>삼성전자가 새로운 반도체를 발표했다</title></rss>"
GERMAN = "<rss><title>Größere Aufträge für Öfen</title></rss>"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (TAIWANESE, "big5"),
        (KOREAN, "euc_kr"),
        (GERMAN, "cp1252"),
    ],
)
def test_an_undeclared_encoding_is_known_by_its_bytes(text: str, name: str) -> None:
    assert decode(text.encode(name)) == text


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_known_with_and_without_a_mark(name: str) -> None:
    mark = "\ufeff".encode(name)
    assert decode(GERMAN.encode(name)) == GERMAN
    assert decode(mark + GERMAN.encode(name)) == GERMAN


def test_a_mark_beats_the_header_and_the_header_beats_the_declaration() -> None:
    declared = '<?xml version="1.0" encoding="koi8-r"?>' + GERMAN
    assert decode(declared.encode("cp1252"), charset="windows-1252") == declared
    assert decode(codecs.BOM_UTF8 + declared.encode(), charset="koi8-r") == declared
    russian = '<?xml version="1.0" encoding="koi8-r"?><rss>Первая новость</rss>'
    assert decode(russian.encode("koi8-r")) == russian


@pytest.mark.parametrize("name", ["utf-7", "unicode_escape", "bogus", "zip", "idna", "cp037"])
def test_an_encoding_that_is_no_script_of_the_world_is_not_believed(name: str) -> None:
    document = f'<?xml version="1.0" encoding="{name}"?><rss>+ADw-\\x3c</rss>'
    assert decode(document.encode()) == document


def test_a_few_broken_bytes_do_not_change_the_encoding() -> None:
    assert decode(CHINESE.encode() * 5 + b"\xff") == CHINESE * 5 + "\ufffd"
