"""Whose signature is it? Keccak and curve from the extra ``live``, the layout by the book.

Everything signed for is EIP-712. Its structs here hold static words alone, so encoding one is
putting 32-byte words in a row. The libraries are imported when the first signature is looked at:
a practice venue that nobody trades on does without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec

CHAIN_ID = 137

AUTH_MESSAGE = "This message attests that I control the given wallet"
AUTH_TYPE = "ClobAuth(address address,string timestamp,uint256 nonce,string message)"
AUTH_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId)"
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
ORDER_TYPE = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    "uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    "bytes32 builder)"
)
NESTED_TYPE = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    "address verifyingContract,bytes32 salt)" + ORDER_TYPE
)
EXCHANGE_NAME = "Polymarket CTF Exchange"
WALLET_NAME, WALLET_VERSION = "DepositWallet", "1"
DEPOSIT_WALLET = 3
"""The signature type whose signature is a wallet contract's (ERC-1271, nested by ERC-7739)."""

PLAIN_BYTES = 65
NESTED_BYTES = PLAIN_BYTES + 32 + 32 + len(ORDER_TYPE) + 2
SESSION_MAGIC = bytes.fromhex("6492" * 16)
SESSION_BYTES = 3 * 32 + 32 + (NESTED_BYTES + 31) // 32 * 32 + 32
HALF_CURVE = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""The contracts refuse the twin of a signature: s lies in the lower half of the curve's order."""


class Forged(Exception):
    """A signature that proves nothing; the text says which part is wrong."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The contract that an order is signed for: its address and its EIP-712 domain version."""

    address: str
    version: str


STANDARD = Exchange("0xE111180000d2663C0091e4f400237545B87B996B", "2")
NEG_RISK = Exchange("0xe2222d279d744050d28e00520010520000310F59", "2")
V3 = Exchange("0xe3333700cA9d93003F00f0F71f8515005F6c00Aa", "3")


def exchange_for(version: str, neg_risk: bool) -> Exchange:
    """By a market's Gamma version and kind; version 2 markets share one exchange."""
    if version == "v2":
        return V3
    return NEG_RISK if neg_risk else STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStruct:
    """The signed fields. Amounts are 1/1,000,000; ``timestamp`` in ms; ``side`` 0 buys, 1 sells."""

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: int
    signature_type: int
    timestamp: int
    metadata: bytes
    builder: bytes


def available() -> bool:
    """Whether the extra ``live`` is installed."""
    return all(find_spec(name) for name in ("eth_hash", "coincurve", "Crypto"))


@cache
def _keccak() -> Callable[[bytes], bytes]:
    hashed: Callable[[bytes], bytes] = import_module("eth_hash.auto").keccak
    return hashed


def keccak(data: bytes) -> bytes:
    return _keccak()(data)


@cache
def _text(text: str) -> bytes:
    return keccak(text.encode())


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address in any case; ValueError when it is none."""
    raw = bytes.fromhex(address.removeprefix("0x").removeprefix("0X"))
    if len(raw) != 20:
        raise ValueError(f"an address has 20 bytes, not {len(raw)}")
    return raw


def address_word(address: str) -> bytes:
    return address_bytes(address).rjust(32, b"\0")


def checksummed(raw: bytes) -> str:
    """20 bytes as an address in the mixed case of EIP-55."""
    digits = raw.hex()
    guide = keccak(digits.encode()).hex()
    marked = zip(digits, guide, strict=False)
    return "0x" + "".join(c.upper() if int(g, 16) >= 8 else c for c, g in marked)


def address_of(private_key: bytes) -> str:
    """The address of a key."""
    public = import_module("coincurve").PrivateKey(private_key).public_key
    return checksummed(keccak(public.format(compressed=False)[1:])[12:])


def sign(private_key: bytes, digest: bytes) -> bytes:
    """65 bytes over a digest: r, s, v (27 or 28)."""
    key = import_module("coincurve").PrivateKey(private_key)
    signature: bytes = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def recover(digest: bytes, signature: bytes) -> str:
    """The address whose key signed the digest; Forged when there can be none."""
    if len(signature) != PLAIN_BYTES:
        raise Forged(f"a signature has {PLAIN_BYTES} bytes, not {len(signature)}")
    if signature[64] not in (27, 28):
        raise Forged("v is neither 27 nor 28")
    if int.from_bytes(signature[32:64], "big") > HALF_CURVE:
        raise Forged("s lies in the upper half of the curve's order")
    plain = signature[:64] + bytes([signature[64] - 27])
    try:
        public = import_module("coincurve").PublicKey.from_signature_and_message(
            plain, digest, hasher=None
        )
    except Exception as error:
        raise Forged("no key could have made it") from error
    return checksummed(keccak(public.format(compressed=False)[1:])[12:])


# -- the digests -----------------------------------------------------------------------------------


def _typed(domain: bytes, struct: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + struct)


def auth_digest(address: str, timestamp: str, nonce: int, chain_id: int = CHAIN_ID) -> bytes:
    """What a wallet signs to be given API keys."""
    name, version = _text("ClobAuthDomain"), _text("1")
    domain = keccak(_text(AUTH_DOMAIN_TYPE) + name + version + word(chain_id))
    message = [_text(AUTH_TYPE), address_word(address), keccak(timestamp.encode())]
    return _typed(domain, keccak(b"".join([*message, word(nonce), _text(AUTH_MESSAGE)])))


@lru_cache(maxsize=16)
def domain_separator(exchange: Exchange, chain_id: int = CHAIN_ID) -> bytes:
    names = _text(DOMAIN_TYPE) + _text(EXCHANGE_NAME) + _text(exchange.version)
    return keccak(names + word(chain_id) + address_word(exchange.address))


def struct_hash(order: OrderStruct) -> bytes:
    numbers = [order.token_id, order.maker_amount, order.taker_amount]
    numbers += [order.side, order.signature_type, order.timestamp]
    words = [_text(ORDER_TYPE), word(order.salt)]
    words += [address_word(order.maker), address_word(order.signer), *map(word, numbers)]
    return keccak(b"".join([*words, order.metadata, order.builder]))


def order_digest(order: OrderStruct, exchange: Exchange, chain_id: int = CHAIN_ID) -> bytes:
    """The order's id, for every kind of wallet."""
    return _typed(domain_separator(exchange, chain_id), struct_hash(order))


# -- who signed ------------------------------------------------------------------------------------


def signer_of(
    order: OrderStruct, signature: bytes, exchange: Exchange, chain_id: int = CHAIN_ID
) -> str:
    """The address whose key signed this order for this exchange; Forged when nobody did.

    Whether that key may speak for the order's maker is another question.
    """
    domain, contents = domain_separator(exchange, chain_id), struct_hash(order)
    if order.signature_type != DEPOSIT_WALLET:
        return recover(_typed(domain, contents), signature)
    claimed = None
    if len(signature) == SESSION_BYTES:
        claimed, signature = _session(signature)
    if len(signature) != NESTED_BYTES:
        raise Forged(f"a deposit wallet's signature has {NESTED_BYTES} bytes")
    tail = domain + contents + ORDER_TYPE.encode() + len(ORDER_TYPE).to_bytes(2, "big")
    if signature[PLAIN_BYTES:] != tail:
        raise Forged("the part after the inner signature speaks of another order")
    words = [_text(NESTED_TYPE), contents, _text(WALLET_NAME), _text(WALLET_VERSION)]
    words += [word(chain_id), address_word(order.signer), word(0)]
    signer = recover(_typed(domain, keccak(b"".join(words))), signature[:PLAIN_BYTES])
    if claimed is not None and claimed != signer:
        raise Forged("the session key named is not the one that signed")
    return signer


def _session(signature: bytes) -> tuple[str, bytes]:
    """(session key, inner signature) of a deposit wallet that lets another key sign for it."""
    inner = signature[4 * 32 : 4 * 32 + NESTED_BYTES]
    padded = inner.ljust((NESTED_BYTES + 31) // 32 * 32, b"\0")
    frame = [signature[:32], word(0), word(96), word(NESTED_BYTES), padded, SESSION_MAGIC]
    if signature != b"".join(frame) or any(signature[:12]):
        raise Forged("the session key's envelope is malformed")
    return checksummed(signature[12:32]), inner
