"""Who trades here: wallets that exist, the API keys of their owners, and who may do what."""

import base64
import uuid
from collections.abc import Sized
from dataclasses import dataclass
from hashlib import sha256

from practice.accounts import signing, wallets
from practice.accounts.approvals import Approvals
from practice.accounts.wallets import Kind, Wallet
from practice.exchange.matching import Exchange
from practice.exchange.orders import DOLLAR, SHARE, Refused

GRANT = 10_000 * DOLLAR
"""Cash of each funded wallet of the practice world, its shares not counted."""
GRANT_SHARES = 500 * SHARE
GRANT_MARKETS = 2
KEYS_MAX = 10_000
NONCE_MAX = 2**63


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One set of credentials: ``owner`` is the address whose wallet signature asked for it."""

    key: str
    secret: str
    passphrase: str
    owner: str
    nonce: int

    def shown(self) -> dict[str, str]:
        return {"apiKey": self.key, "secret": self.secret, "passphrase": self.passphrase}

    def secret_bytes(self) -> bytes:
        return base64.urlsafe_b64decode(self.secret)


@dataclass(slots=True)
class BuilderKey:
    """Credentials of an app that brings orders: they speak to the relayer, not for a wallet."""

    creds: ApiKey
    created_ns: int
    revoked_ns: int = 0


class Accounts:
    """Wallets and keys. An account of the exchange is named by its wallet's address."""

    def __init__(self, seed: int, exchange: Exchange) -> None:
        self.wallets: list[Wallet] = []
        self.deployed: dict[str, Kind] = {}
        self.keys: dict[str, ApiKey] = {}
        self.readonly: dict[str, ApiKey] = {}
        """Keys without a secret, which may look and do nothing."""
        self.builders: dict[str, BuilderKey] = {}
        self.approvals = Approvals()
        self.closed_only: set[str] = set()
        self.banned: set[str] = set()
        self._seed = seed
        self._numbers = 0
        self._exchange = exchange
        self._by_nonce: dict[tuple[str, int], str] = {}
        self._generation: dict[tuple[str, int], int] = {}

    # -- wallets -----------------------------------------------------------------------------------

    def open(self, markets: list[str]) -> None:
        """Make the seed's wallets, with cash, and shares in the first two of these markets."""
        for wallet in wallets.seeded(self._seed):
            self.wallets.append(wallet)
            self.deployed[wallet.address] = wallet.kind
            self._exchange.deposit(wallet.address, GRANT + GRANT_MARKETS * GRANT_SHARES)
            for market in markets[:GRANT_MARKETS]:
                self._exchange.split(wallet.address, market, GRANT_SHARES)

    def exists(self, address: str) -> bool:
        """Whether a wallet stands at this address, written in any case."""
        return bool(self.known(address))

    def known(self, address: str) -> str:
        """The wallet at this address as it is written here; "" where none stands."""
        wanted = address.lower()
        return next((known for known in self.deployed if known.lower() == wanted), "")

    def deploy(self, address: str, kind: Kind) -> None:
        """Let a wallet stand from now on, with nothing in it."""
        self.deployed[address] = kind
        self._exchange.deposit(address, 0)

    def wallet_for(self, owner: str, signature_type: int) -> str:
        """The wallet that ``owner`` means by a signature type: the one that exists, else where
        today's would stand. Refused when there is no such type.
        """
        owned = wallets.owned_by(owner).of_type(signature_type)
        if not owned:
            raise Refused("Invalid signature_type")
        return next((address for address in owned if address in self.deployed), owned[0])

    def check_maker(self, owner: str, maker: str, signer: str, signature_type: int) -> None:
        """Refused unless ``owner``'s key may sign for this maker under this signature type."""
        owned = wallets.owned_by(owner).of_type(signature_type)
        if not owned:
            raise Refused("Invalid signature_type")
        spokesman = maker if signature_type == signing.DEPOSIT_WALLET else owner
        if signer != spokesman:
            raise Refused("the order signer address has to be the address of the API KEY")
        if maker not in owned:
            if signature_type == signing.DEPOSIT_WALLET:
                raise Refused("the order signer address has to be the address of the API KEY")
            raise Refused("maker address not allowed, please use the deposit wallet flow")

    # -- keys --------------------------------------------------------------------------------------

    def create_key(self, owner: str, nonce: int) -> ApiKey:
        """Credentials for a wallet and a nonce; Refused when they exist already."""
        if (owner, nonce) in self._by_nonce or len(self.keys) >= KEYS_MAX:
            raise Refused("Could not create api key")
        made = self._made(owner, nonce, self._generation.get((owner, nonce), 0))
        self.keys[made.key] = made
        self._by_nonce[owner, nonce] = made.key
        return made

    def derive_key(self, owner: str, nonce: int) -> ApiKey:
        """The credentials made before for a wallet and a nonce; Refused when there are none."""
        key = self._by_nonce.get((owner, nonce))
        if key is None:
            raise Refused("Could not derive api key!")
        return self.keys[key]

    def keys_of(self, owner: str) -> list[str]:
        return [key.key for key in self.keys.values() if key.owner == owner]

    def delete_key(self, key: ApiKey) -> None:
        """Forget credentials; the next ones for the same wallet and nonce are other ones."""
        del self.keys[key.key]
        del self._by_nonce[key.owner, key.nonce]
        place = (key.owner, key.nonce)
        self._generation[place] = self._generation.get(place, 0) + 1

    def create_readonly(self, owner: str) -> ApiKey:
        """One more key that may look at what is this owner's."""
        made = self._another(owner, self.readonly, "readonly")
        self.readonly[made.key] = ApiKey(made.key, "", "", owner, made.nonce)
        return made

    def delete_readonly(self, owner: str, key: str) -> None:
        known = self.readonly.get(key)
        if known is None or known.owner != owner:
            raise Refused("Invalid api key")
        del self.readonly[key]

    def create_builder(self, owner: str, now_ns: int) -> ApiKey:
        """One more set of credentials for an app of this owner."""
        made = self._another(owner, self.builders, "builder")
        self.builders[made.key] = BuilderKey(made, now_ns)
        return made

    def builders_of(self, owner: str) -> list[BuilderKey]:
        return [one for one in self.builders.values() if one.creds.owner == owner]

    def _another(self, owner: str, known: Sized, kind: str) -> ApiKey:
        if len(known) >= KEYS_MAX:
            raise Refused("Could not create api key")
        self._numbers += 1
        return self._made(owner, self._numbers, 0, kind + " ")

    def _made(self, owner: str, nonce: int, generation: int, kind: str = "") -> ApiKey:
        def drawn(what: str) -> bytes:
            text = f"practice {kind}{what} {self._seed} {owner} {nonce} {generation}"
            return sha256(text.encode()).digest()

        key = str(uuid.UUID(bytes=drawn("key")[:16], version=4))
        secret = base64.urlsafe_b64encode(drawn("secret")).decode()
        return ApiKey(key, secret, drawn("passphrase").hex(), owner, nonce)


def stranger(account: str) -> tuple[str, str]:
    """(API key, address) that stand for one of the world's own traders on the wire."""
    digest = sha256(f"practice trader {account}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4)), "0x" + digest[12:].hex()
