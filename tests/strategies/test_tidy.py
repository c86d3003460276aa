"""The mind's own form: it reads no clock, draws no lots, and never walks a bare set."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "strategies").rglob("*.py"))
OUTSIDE = {"asyncio", "datetime", "httpx", "random", "secrets", "socket", "sqlite3", "threading"}
OUTSIDE |= {"time", "uuid"}
LINES_MAX = 70


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def bare_sets_walked(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        walked = node.iter if isinstance(node, ast.For | ast.comprehension) else None
        is_set = isinstance(walked, ast.Set | ast.SetComp) or (
            isinstance(walked, ast.Call)
            and isinstance(walked.func, ast.Name)
            and walked.func.id in ("set", "frozenset")
        )
        if walked is not None and is_set:
            yield walked.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_mind_touches_nothing_and_keeps_its_order(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not OUTSIDE & set(imports(tree))
    assert not list(bare_sets_walked(tree))
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > LINES_MAX
    ]
    assert not long


def test_the_check_sees_a_set_that_is_walked() -> None:
    seen = bare_sets_walked(
        ast.parse("for x in {1, 2}: pass\n[y for y in set(z)]\nfor a in b: pass")
    )
    assert list(seen) == [1, 2]


def test_the_desk_loads_no_loop_no_network_and_no_screen() -> None:
    script = (
        "import sys, strategies.desk, strategies.roster\n"
        "print(*{'asyncio', 'httpx', 'sqlite3', 'textual', 'feedparser'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout.strip()) == (0, "")
