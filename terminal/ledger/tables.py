"""What the ledger keeps: its tables, and records as rows and back.

An order's life is a row each: its intent, its seal (the final id and bytes), that it was sent, and
what the broker said of it. The rows of all tables share one count, ``seq``, and one chain: each
row's digest covers the row and the digest before it. No money hangs on rows of the scorecard
(suggestions, trades decided against, precedents), and nobody waits until the disk has them.
"""

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Any, TypeAlias

import msgspec

from feeds.events import (
    Fill,
    FillSettled,
    KillSwitch,
    MarketResolved,
    OrderSealed,
    OrderSent,
    OrderUpdate,
)
from feeds.markets import Money, Nanos
from strategies.decisions import (
    OrderIntent,
    Remembered,
    Skipped,
    Suggested,
    Suggestion,
    SuggestionOver,
)
from terminal.ledger.sidecar import DIGEST_BYTES
from terminal.ledger.store import Migration

INT_MAX = 2**63 - 1


class SessionStart(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An engine started: what ran, with which settings. ``mode`` is paper or live."""

    number: int
    at_ns: Nanos
    version: str
    config_digest: str
    venue: str
    mode: str = "paper"
    speed: float = 1.0
    seed: int = 0
    strategies: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where the ledger lay when a session began, as an absolute path: a copy says whose it is."""

    at_ns: Nanos
    path: str


class Deposit(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Cash that came in; the first is what the account starts with."""

    at_ns: Nanos
    amount: Money


Record: TypeAlias = (
    SessionStart
    | Place
    | Deposit
    | OrderIntent
    | OrderSealed
    | OrderSent
    | OrderUpdate
    | Fill
    | FillSettled
    | MarketResolved
    | KillSwitch
    | Suggestion
    | Suggested
    | SuggestionOver
    | Skipped
    | Remembered
)


def _chain_the_scorecard(connection: sqlite3.Connection) -> None:
    """The scorecard's rows of earlier versions take their places after the last row of money."""
    money = " UNION ALL ".join(
        f"SELECT seq, digest FROM {table.name}"  # noqa: S608 - our own names
        for table in TABLES
        if table.money and table.since < CHAINED_ALL
    )
    newest = connection.execute(f"{money} ORDER BY seq DESC LIMIT 1").fetchone()
    seq, digest = newest or (0, NO_DIGEST)
    for table in TABLES:
        if table.money:
            continue
        old = connection.execute(f"SELECT {table.quoted} FROM old_{table.name} ORDER BY seq")  # noqa: S608 - our own names
        for values in old:
            seq, digest = seq + 1, chained(digest, seq + 1, table.name, values)
            connection.execute(CODECS[table.record].insert, (seq, *values, digest))


MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE sessions (seq INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE,
            at_ns INTEGER NOT NULL, version TEXT NOT NULL, config_digest TEXT NOT NULL,
            venue TEXT NOT NULL, mode TEXT NOT NULL, speed REAL NOT NULL, seed INTEGER NOT NULL,
            strategies TEXT NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE deposits (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            amount INTEGER NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE intents (seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE,
            at_ns INTEGER NOT NULL, origin TEXT NOT NULL, strategy TEXT NOT NULL,
            condition_id TEXT NOT NULL, asset_id TEXT NOT NULL, side TEXT NOT NULL,
            price INTEGER NOT NULL, size INTEGER NOT NULL, kind TEXT NOT NULL,
            post_only INTEGER NOT NULL, fee_max INTEGER NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE order_updates (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            order_id TEXT NOT NULL, state TEXT NOT NULL, filled INTEGER NOT NULL,
            reason TEXT NOT NULL, queue_ahead INTEGER NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE fills (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL, condition_id TEXT NOT NULL,
            asset_id TEXT NOT NULL, side TEXT NOT NULL, price INTEGER NOT NULL,
            size INTEGER NOT NULL, fee INTEGER NOT NULL, liquidity TEXT NOT NULL,
            digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE resolutions (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            condition_id TEXT NOT NULL UNIQUE, winner TEXT NOT NULL, digest BLOB NOT NULL)
            STRICT""",
        """CREATE TABLE kills (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            command_id TEXT NOT NULL, "on" INTEGER NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE suggestions (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
            at_ns INTEGER NOT NULL, strategy TEXT NOT NULL, story_id TEXT NOT NULL,
            condition_id TEXT NOT NULL, asset_id TEXT NOT NULL, side TEXT NOT NULL,
            "limit" INTEGER NOT NULL, size INTEGER NOT NULL, edge REAL NOT NULL,
            reason TEXT NOT NULL, until_ns INTEGER NOT NULL, mandate TEXT NOT NULL,
            rests INTEGER NOT NULL) STRICT""",
        """CREATE TABLE suggestions_over (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            suggestion_id TEXT NOT NULL UNIQUE, how TEXT NOT NULL) STRICT""",
        """CREATE TABLE skipped (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            strategy TEXT NOT NULL, story_id TEXT NOT NULL, condition_id TEXT NOT NULL,
            gate TEXT NOT NULL, value TEXT NOT NULL, "limit" TEXT NOT NULL,
            sentence TEXT NOT NULL) STRICT""",
    ),
    (
        """CREATE TABLE settlements (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            fill_id TEXT NOT NULL, order_id TEXT NOT NULL, stage TEXT NOT NULL,
            digest BLOB NOT NULL) STRICT""",
    ),
    (
        """CREATE TABLE precedents (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            story_id TEXT NOT NULL, condition_id TEXT NOT NULL, facet TEXT NOT NULL,
            family TEXT NOT NULL, logit REAL NOT NULL) STRICT""",
    ),
    (
        """CREATE TABLE seals (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            order_id TEXT NOT NULL UNIQUE, venue_id TEXT NOT NULL, payload BLOB NOT NULL,
            digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE sent (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            order_id TEXT NOT NULL UNIQUE, digest BLOB NOT NULL) STRICT""",
    ),
    (
        "ALTER TABLE suggestions RENAME TO old_suggestions",
        "ALTER TABLE suggestions_over RENAME TO old_suggestions_over",
        "ALTER TABLE skipped RENAME TO old_skipped",
        "ALTER TABLE precedents RENAME TO old_precedents",
        """CREATE TABLE suggestions (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
            at_ns INTEGER NOT NULL, strategy TEXT NOT NULL, story_id TEXT NOT NULL,
            condition_id TEXT NOT NULL, asset_id TEXT NOT NULL, side TEXT NOT NULL,
            "limit" INTEGER NOT NULL, size INTEGER NOT NULL, edge REAL NOT NULL,
            reason TEXT NOT NULL, until_ns INTEGER NOT NULL, mandate TEXT NOT NULL,
            rests INTEGER NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE suggestions_over (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            suggestion_id TEXT NOT NULL UNIQUE, how TEXT NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE skipped (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            strategy TEXT NOT NULL, story_id TEXT NOT NULL, condition_id TEXT NOT NULL,
            gate TEXT NOT NULL, value TEXT NOT NULL, "limit" TEXT NOT NULL,
            sentence TEXT NOT NULL, digest BLOB NOT NULL) STRICT""",
        """CREATE TABLE precedents (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            story_id TEXT NOT NULL, condition_id TEXT NOT NULL, facet TEXT NOT NULL,
            family TEXT NOT NULL, logit REAL NOT NULL, digest BLOB NOT NULL) STRICT""",
        _chain_the_scorecard,
        "DROP TABLE old_suggestions",
        "DROP TABLE old_suggestions_over",
        "DROP TABLE old_skipped",
        "DROP TABLE old_precedents",
        """CREATE TABLE places (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
            path TEXT NOT NULL, digest BLOB NOT NULL) STRICT""",
    ),
)
"""Numbered from 1 by their place; one that was released is never changed."""

VERSION = len(MIGRATIONS)
CHAINED_ALL = 5
"""The version since which the scorecard's rows are in the chain too."""


@dataclass(frozen=True)
class Table:
    """One table: the record that its rows are, and the column that tells a repeat.

    A row with a known ``key`` is a repeat and adds nothing if all but its time is the same. Ledgers
    of a version before ``since`` lack the table, and in those before ``chained_since`` its rows
    stood beside the chain. Where no ``money`` hangs on it nobody waits for the disk.
    """

    name: str
    record: type[msgspec.Struct]
    key: str = ""
    money: bool = True
    since: int = 1
    chained_since: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in msgspec.structs.fields(self.record))

    @property
    def quoted(self) -> str:
        return ", ".join(f'"{column}"' for column in self.columns)


TABLES: tuple[Table, ...] = (
    Table("sessions", SessionStart, "number"),
    Table("places", Place, since=5),
    Table("deposits", Deposit),
    Table("intents", OrderIntent, "order_id"),
    Table("seals", OrderSealed, "order_id", since=4),
    Table("sent", OrderSent, "order_id", since=4),
    Table("order_updates", OrderUpdate),
    Table("fills", Fill, "id"),
    Table("settlements", FillSettled, since=2),
    Table("resolutions", MarketResolved, "condition_id"),
    Table("kills", KillSwitch),
    Table("suggestions", Suggestion, "id", money=False, chained_since=CHAINED_ALL),
    Table("suggestions_over", SuggestionOver, "suggestion_id", False, chained_since=CHAINED_ALL),
    Table("skipped", Skipped, money=False, chained_since=CHAINED_ALL),
    Table("precedents", Remembered, money=False, since=3, chained_since=CHAINED_ALL),
)


class Row(msgspec.Struct):
    """A record on its way to disk."""

    table: Table
    values: tuple[Any, ...]


class Codec:
    """Turns records of one table into rows and back, exactly."""

    def __init__(self, table: Table) -> None:
        self.table = table
        columns = ("seq", *table.columns, "digest")
        names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join("?" * len(columns))
        self.insert = (
            f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
            + (f' ON CONFLICT ("{table.key}") DO NOTHING' if table.key else "")
        )
        self.select = f"SELECT {names} FROM {table.name} ORDER BY seq"  # noqa: S608 - our own names
        self._find = f'SELECT {table.quoted} FROM {table.name} WHERE "{table.key}" = ?'  # noqa: S608 - our own names
        self._key = table.columns.index(table.key) if table.key else -1
        self._kinds = _kinds(table.record)
        config = table.record.__struct_config__
        self._tag = (config.tag,) if config.tag is not None else ()
        assert config.array_like, f"{table.record.__name__} is decoded by position"

    def row(self, record: msgspec.Struct) -> Row:
        """Raises ``ValueError`` for what no column can hold exactly; names the field."""
        values = msgspec.structs.astuple(record)
        return Row(
            self.table,
            tuple(
                _plain(value, kind, self.table.name, column)
                for value, kind, column in zip(values, self._kinds, self.table.columns, strict=True)
            ),
        )

    def record(self, values: Sequence[Any]) -> Any:
        """The record that a row holds; raises ``ValueError`` for a word that we never wrote.

        Not strict, because SQLite keeps true and false as 1 and 0.
        """
        return msgspec.convert((*self._tag, *values), self.table.record, strict=False)

    def contradiction(self, row: Row, connection: sqlite3.Connection) -> str:
        """A row with a known key was not inserted: what it says otherwise, "" for a repeat."""
        key = row.values[self._key]
        found = connection.execute(self._find, (key,)).fetchone()
        pairs = zip(self.table.columns, row.values, found, strict=True)
        # a repeat may be told later than the first time
        other = [name for name, ours, theirs in pairs if ours != theirs and name != "at_ns"]
        return (
            f"{self.table.name} has {self.table.key} {key!r} already, with another {other[0]}"
            if other
            else ""
        )


def _kinds(record: type[msgspec.Struct]) -> tuple[type, ...]:
    """As what SQLite gives back each field of a record."""
    info = msgspec.inspect.type_info(record)
    assert isinstance(info, msgspec.inspect.StructType)
    return tuple(_KINDS[type(field.type)] for field in info.fields)


_KINDS: dict[type, type] = {
    msgspec.inspect.IntType: int,
    msgspec.inspect.BoolType: int,
    msgspec.inspect.FloatType: float,
    msgspec.inspect.StrType: str,
    msgspec.inspect.EnumType: str,
    msgspec.inspect.LiteralType: str,
    msgspec.inspect.BytesType: bytes,
}


def _plain(value: Any, kind: Any, table: str, column: str) -> Any:
    """A value just as SQLite will give it back, since a row's digest is over what is read.

    A column of another kind would turn it into its own without a word, and -0.0 into 0.0.
    """
    if isinstance(value, Enum):
        value = value.value
    if kind is float and isinstance(value, int | float):
        value = float(value) + 0.0
        if math.isnan(value):
            raise ValueError(f"{table}.{column}: not a number")
    if not isinstance(value, kind):
        raise ValueError(f"{table}.{column}: {type(value).__name__} for {kind.__name__}")
    if kind is int:
        value = int(value)
        if not -INT_MAX - 1 <= value <= INT_MAX:
            raise ValueError(f"{table}.{column}: {value} needs more than 64 bits")
    if kind is str:
        value = str.__str__(value)
        if not _encodable(value):
            raise ValueError(f"{table}.{column}: holds half a character (a lone surrogate)")
    return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


CODECS: dict[type[msgspec.Struct], Codec] = {table.record: Codec(table) for table in TABLES}


def row_of(record: Record) -> Row:
    """The row that a record becomes."""
    if isinstance(record, Suggested):
        record = record.suggestion
    return CODECS[type(record)].row(record)


NO_DIGEST = bytes(DIGEST_BYTES)
"""What the first row's digest follows."""
_encoder = msgspec.msgpack.Encoder()


def chained(before: bytes, seq: int, table: str, values: Sequence[Any]) -> bytes:
    """A row's digest: over the digest before it, its number, its table and all its values."""
    body = _encoder.encode((before, seq, table, tuple(values)))
    return blake2b(body, digest_size=DIGEST_BYTES).digest()
