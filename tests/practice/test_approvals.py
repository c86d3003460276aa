"""Signed approvals: read from the raw transactions that the official account library makes."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from practice.accounts.approvals import UNLIMITED, Approval, Approvals, approval_of

if not find_spec("eth_account"):
    pytest.skip("signing libraries are not installed (extra: live)", allow_module_level=True)

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SPENDER = "0xE111180000d2663C0091e4f400237545B87B996B"


def transaction(selector: str, *words: int, **fields: Any) -> str:
    account = import_module("eth_account").Account
    data = "0x" + selector + "".join(f"{word:064x}" for word in words)
    given = {"nonce": 0, "gasPrice": 30, "gas": 100_000, "to": SPENDER, "value": 0, "chainId": 137}
    signed = account.sign_transaction({**given, "data": data, **fields}, KEY)
    return "0x" + bytes(signed.raw_transaction).hex()


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 70_000])
@pytest.mark.parametrize("amount", [0, 5, UNLIMITED])
def test_an_approval_names_its_wallet_spender_and_amount(nonce: int, amount: int) -> None:
    raw = transaction("095ea7b3", int(SPENDER, 16), amount, nonce=nonce)
    assert approval_of(raw) == Approval(WALLET, SPENDER, amount, for_all=False)


def test_leave_to_move_shares_is_read_too_and_both_hold_from_then_on() -> None:
    approvals = Approvals()
    approvals.allow_all(WALLET, 0)
    approvals.approve_all(WALLET, False)
    assert (approvals.money(WALLET, SPENDER), approvals.shares(WALLET, SPENDER)) == (0, False)
    for raw in (
        transaction("095ea7b3", int(SPENDER, 16), 7),
        transaction("a22cb465", int(SPENDER, 16), 1),
    ):
        approval = approval_of(raw)
        assert approval is not None
        approvals.signed(approval)
    assert (approvals.money(WALLET.upper(), SPENDER), approvals.money(WALLET, WALLET)) == (7, 0)
    assert (approvals.shares(WALLET, SPENDER), approvals.shares(WALLET, WALLET)) == (True, False)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "0x",
        "0xzz",
        "0xc0",
        "0xf8",
        "0xff" + "ff" * 20,
        "0x02f86c" + "00" * 30,
        "0x" + "f9" * 5_000,
    ],
)
def test_anything_else_approves_nothing(raw: str) -> None:
    assert approval_of(raw) is None


def test_another_call_and_a_cut_transaction_approve_nothing() -> None:
    assert approval_of(transaction("a9059cbb", int(SPENDER, 16), 7)) is None
    whole = transaction("095ea7b3", int(SPENDER, 16), 7)
    for length in range(2, len(whole), 7):
        assert approval_of(whole[:length]) is None
