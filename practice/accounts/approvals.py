"""What wallets let the venue's contracts move, and the signed transactions that change it.

There is no chain here: the wallets of the practice world start with everything allowed to everybody
who needs it, and what they sign to change that takes effect at once.
"""

from dataclasses import dataclass

from practice.accounts.signing import CHAIN_ID, Forged, checksummed, keccak, recover

UNLIMITED = 2**256 - 1
APPROVE, APPROVE_ALL = bytes.fromhex("095ea7b3"), bytes.fromhex("a22cb465")
TRANSACTION_BYTES_MAX = 4_096
LEGACY_FIELDS = 9


class Approvals:
    """By wallet and by who may move what is in it; addresses in any case."""

    def __init__(self) -> None:
        self._money: dict[tuple[str, str], int] = {}
        self._shares: dict[tuple[str, str], bool] = {}
        self._all_money: dict[str, int] = {}
        self._all_shares: dict[str, bool] = {}

    def money(self, wallet: str, spender: str) -> int:
        """How much of its dollars (1/1,000,000) somebody may move."""
        wallet, spender = wallet.lower(), spender.lower()
        everybody = self._all_money.get(wallet, UNLIMITED)
        return self._money.get((wallet, spender), everybody)

    def shares(self, wallet: str, operator: str) -> bool:
        """Whether somebody may move its shares."""
        wallet, operator = wallet.lower(), operator.lower()
        everybody = self._all_shares.get(wallet, True)
        return self._shares.get((wallet, operator), everybody)

    def allow_all(self, wallet: str, money: int) -> None:
        """Everybody may move so much from now on."""
        self._all_money[wallet.lower()] = money
        self._money = {key: old for key, old in self._money.items() if key[0] != wallet.lower()}

    def approve_all(self, wallet: str, approved: bool) -> None:
        """Everybody may move its shares from now on, or nobody."""
        self._all_shares[wallet.lower()] = approved
        self._shares = {key: old for key, old in self._shares.items() if key[0] != wallet.lower()}

    def signed(self, approval: "Approval") -> None:
        """What a wallet's own transaction says."""
        key = approval.wallet.lower(), approval.spender.lower()
        if approval.for_all:
            self._shares[key] = bool(approval.amount)
        else:
            self._money[key] = approval.amount


@dataclass(frozen=True, slots=True)
class Approval:
    """A signed ``approve``, or with ``for_all`` a signed ``setApprovalForAll``."""

    wallet: str
    spender: str
    amount: int
    for_all: bool


def approval_of(transaction: str) -> Approval | None:
    """What a raw legacy transaction approves; None for any other one."""
    try:
        raw = bytes.fromhex(transaction.removeprefix("0x"))
        fields = _fields(raw) if len(raw) <= TRANSACTION_BYTES_MAX else []
        return _approval(fields) if len(fields) == LEGACY_FIELDS else None
    except (ValueError, IndexError, Forged):
        return None


def _approval(fields: list[bytes]) -> Approval | None:
    *asked, v, r, s = fields
    data = asked[5]
    if data[:4] not in {APPROVE, APPROVE_ALL} or len(data) != 4 + 2 * 32:
        return None
    odd = int.from_bytes(v, "big") - 35 - 2 * CHAIN_ID
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([27 + odd])
    wallet = recover(keccak(_listed([*asked, _shortest(CHAIN_ID), b"", b""])), signature)
    spender = checksummed(data[16:36])
    return Approval(wallet, spender, int.from_bytes(data[36:], "big"), data[:4] == APPROVE_ALL)


# -- RLP: a list of byte strings, as transactions are written --------------------------------------


def _fields(raw: bytes) -> list[bytes]:
    """The members of a list; ValueError when it is none or has lists inside."""
    start, size = _span(raw, 0, 0xC0)
    if start + size != len(raw):
        raise ValueError("not one list")
    fields = []
    while start < len(raw):
        if raw[start] < 0x80:
            fields.append(raw[start : start + 1])
            start += 1
            continue
        start, size = _span(raw, start, 0x80)
        fields.append(raw[start : start + size])
        start += size
    return fields


def _span(raw: bytes, at: int, base: int) -> tuple[int, int]:
    """(where the content begins, its length) of an item whose tag counts from ``base``."""
    tag = raw[at] - base
    if not 0 <= tag < 0x40:
        raise ValueError("another kind of item")
    if tag < 56:
        return at + 1, tag
    digits = tag - 55
    return at + 1 + digits, int.from_bytes(raw[at + 1 : at + 1 + digits], "big")


def _listed(fields: list[bytes]) -> bytes:
    content = b"".join(map(_item, fields))
    return _tag(len(content), 0xC0) + content


def _item(field: bytes) -> bytes:
    if len(field) == 1 and field[0] < 0x80:
        return field
    return _tag(len(field), 0x80) + field


def _tag(size: int, base: int) -> bytes:
    if size < 56:
        return bytes([base + size])
    digits = _shortest(size)
    return bytes([base + 55 + len(digits)]) + digits


def _shortest(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
