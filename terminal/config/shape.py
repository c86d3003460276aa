"""The configuration's shape: every setting with its bounds, its unit and a sentence.

Defaults are production and paper money. Amounts are held as the house's exact integers
(1/1,000,000 dollar, 1/10,000 dollar a share, nanoseconds); people write dollars, cents and
seconds. Past :func:`terminal.config.load` nobody checks again.
"""

import functools
import tomllib
from datetime import datetime
from hashlib import blake2b
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from feeds.markets import SECOND, Money, Nanos, Price
from feeds.news.agent import CONTACT, CONTACT_CHARS_MAX
from feeds.news.source import EVERY_S_MAX, EVERY_S_MIN, NAME_CHARS_MAX, Source
from feeds.news.zones import ZONE_CHARS_MAX
from feeds.polymarket.hosts import Hosts
from strategies.desk.settings import CALENDAR_MAX, Scheduled
from strategies.risk import RiskLimits

FEEDS_MAX = 1_000
STRATEGIES_MAX = 50
KEYS_MAX = 200
_TAG = r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3})?$"


def _says(description: str, **bounds: Any) -> Meta:
    extra = bounds.pop("extra", None)
    return Meta(description=description, extra=extra, **bounds)


_DOLLARS = {"unit": "dollars", "exact": True}
_CENTS = {"unit": "cents", "exact": True}
_SECONDS = {"unit": "seconds"}
_WEB = {"schemes": ("https", "http"), "plain_only_here": True}
_SOCKET = {"schemes": ("wss", "ws"), "plain_only_here": True}


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections."""


class VenueConfig(_Section, frozen=True, kw_only=True):
    """[venue]: where markets live, and which of them to take."""

    name: Annotated[
        str,
        _says("what the masthead calls the venue: 1 to 24 characters", max_length=24, pattern=r"."),
    ] = "polymarket"
    gamma: Annotated[str, _says("the catalogue's address", extra=_WEB)] = Hosts().gamma
    clob: Annotated[str, _says("the order books' address", extra=_WEB)] = Hosts().clob
    data: Annotated[str, _says("the data service's address", extra=_WEB)] = Hosts().data
    ws_market: Annotated[str, _says("the market stream's address", extra=_SOCKET)] = (
        Hosts().ws_market
    )
    tags: Annotated[
        tuple[str, ...],
        _says("take markets with these tags from the catalogue; [] takes all", max_length=50),
    ] = ("ai", "tech")
    markets_max: Annotated[
        int, _says("markets taken from the catalogue at most", ge=1, le=50_000)
    ] = 2_000
    standby: Annotated[
        bool,
        _says("keep a second connection beside each market stream, which takes over at once"),
    ] = False
    clock_speed: Annotated[
        float, _says("practice venues only: times faster than the wall clock", ge=0.01, le=10_000)
    ] = 1.0
    clock_anchor_ns: Annotated[
        int,
        _says(
            "practice venues only: when both clocks agreed, in Unix nanoseconds",
            ge=0,
            le=2**62,
        ),
    ] = 0

    @property
    def hosts(self) -> Hosts:
        """The venue's addresses as the feeds know them."""
        return Hosts.of(gamma=self.gamma, clob=self.clob, data=self.data, ws_market=self.ws_market)


class AccountConfig(_Section, frozen=True, kw_only=True):
    """[account]: whose money."""

    starting_cash: Annotated[
        Money,
        _says(
            "paper cash that a new ledger starts with, in dollars",
            ge=0,
            le=100_000_000_000_000,
            extra=_DOLLARS,
        ),
    ] = 10_000_000_000
    mode: Annotated[
        Literal["paper", "live"],
        _says('"paper"; trading with real money is not part of this release'),
    ] = "paper"


_LIMITS = RiskLimits()


def _dollars(description: str) -> Meta:
    return _says(description, ge=0, le=10**15, extra=_DOLLARS)


def _cents(description: str) -> Meta:
    return _says(description, ge=0, le=10_000, extra=_CENTS)


class RiskConfig(_Section, frozen=True, kw_only=True):
    """[risk]: what no order may exceed, whoever wants it. Dollars and cents."""

    order_notional_max: Annotated[
        Money, _dollars("most that one order may be worth, in dollars")
    ] = _LIMITS.order_notional_max
    market_notional_max: Annotated[Money, _dollars("most at risk in one market, in dollars")] = (
        _LIMITS.market_notional_max
    )
    total_notional_max: Annotated[
        Money, _dollars("most at risk in all markets together, in dollars")
    ] = _LIMITS.total_notional_max
    price_min: Annotated[Price, _cents("buy nothing cheaper, in cents a share")] = _LIMITS.price_min
    price_max: Annotated[Price, _cents("buy nothing dearer, in cents a share")] = _LIMITS.price_max
    spread_max: Annotated[
        Price, _cents("take nothing from a book whose spread is wider, in cents")
    ] = _LIMITS.spread_max
    open_orders_max: Annotated[
        int, _says("most orders on their way or resting at once", ge=0, le=1_000)
    ] = _LIMITS.open_orders_max
    orders_per_minute_max: Annotated[
        int, _says("most orders in a minute of market time", ge=0, le=10_000)
    ] = _LIMITS.orders_per_minute_max
    daily_loss_max: Annotated[
        Money,
        _dollars("after losing so many dollars in a day (UTC), only sales of what is held pass"),
    ] = _LIMITS.daily_loss_max

    @property
    def limits(self) -> RiskLimits:
        """The gate's own shape, in exact units."""
        return RiskLimits(**msgspec.structs.asdict(self))


class NewsConfig(_Section, frozen=True, kw_only=True):
    """[news]: what holds for every feed that does not say otherwise, and how many there are."""

    pack: Annotated[
        bool,
        _says(
            "add the feeds that come with the program, some ninety on hardware and models, "
            "to those below (feeds.example.toml lists them)"
        ),
    ] = False
    every_s: Annotated[
        int,
        _says(
            "seconds between two polls of a feed", ge=EVERY_S_MIN, le=EVERY_S_MAX, extra=_SECONDS
        ),
    ] = 300
    slowest_s: Annotated[
        int,
        _says(
            "a source that publishes seldom is asked less often, up to so many seconds apart; "
            "0 asks each at its own every_s",
            ge=0,
            le=EVERY_S_MAX,
            extra=_SECONDS,
        ),
    ] = 900
    contact: Annotated[
        str,
        _says(
            "told to publishers in the user agent, such as an address of yours; some, like the "
            'SEC, ask for one; "" tells none',
            max_length=CONTACT_CHARS_MAX,
            pattern=CONTACT,
        ),
    ] = ""
    meaning: Annotated[
        bool,
        _says(
            "where the extra `semantic` is installed, link stories by what they mean as well as by "
            "their words; `ftt doctor` says whether it is on"
        ),
    ] = True
    calendar: Annotated[
        dict[str, str],
        _says(
            "what is known to come, such as earnings and rulings, with its time; a move near it is "
            'not credited to a story alone: {"Nvidia reports earnings" = "2026-11-25T21:20Z"}',
            max_length=CALENDAR_MAX,
        ),
    ] = {}
    trust: Annotated[
        float, _says("how much a source's word weighs: 0 rumour, 1 first-hand", ge=0, le=1)
    ] = 0.5
    language: Annotated[
        str,
        _says('language of the items, such as en or zh-CN; "" where the feed says', pattern=_TAG),
    ] = ""

    @property
    def scheduled(self) -> tuple[Scheduled, ...]:
        """The calendar in the desk's own shape, by time."""
        events = (Scheduled(time_of(when) or 0, what) for what, when in self.calendar.items())
        return tuple(sorted(events, key=lambda event: (event.at_ns, event.what)))


def time_of(text: str) -> Nanos | None:
    """An ISO time with its zone, in Unix nanoseconds; None for anything else."""
    try:
        when = datetime.fromisoformat(text)
        return round(when.timestamp()) * SECOND if when.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


class FeedConfig(_Section, frozen=True, kw_only=True):
    """[[feeds]]: one source of news. The defaults of three settings are those of [news]."""

    id: Annotated[
        str,
        _says(
            'a short name of small letters, digits, "-", "_" and "."',
            pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$",
        ),
    ]
    url: Annotated[
        str,
        _says(
            "the feed's address: RSS, Atom or JSON Feed",
            max_length=2_048,
            extra={"schemes": ("https", "http")},
        ),
    ]
    name: Annotated[
        str, _says('what the reader sees; "" shows the id', max_length=NAME_CHARS_MAX)
    ] = ""
    every_s: Annotated[
        int, _says("seconds between two polls", ge=EVERY_S_MIN, le=EVERY_S_MAX, extra=_SECONDS)
    ] = 300
    language: Annotated[
        str,
        _says('language of the items, such as en or zh-CN; "" where the feed says', pattern=_TAG),
    ] = ""
    timezone: Annotated[
        str,
        _says(
            'zone of its dates that name none, such as Asia/Shanghai; "" for UTC',
            max_length=ZONE_CHARS_MAX,
        ),
    ] = ""
    trust: Annotated[
        float, _says("how much its word weighs: 0 rumour, 1 first-hand", ge=0, le=1)
    ] = 0.5
    group: Annotated[
        str, _says('a heading for feeds of one kind, "" for none', max_length=NAME_CHARS_MAX)
    ] = ""
    enabled: Annotated[bool, _says("whether it is polled")] = True

    @property
    def source(self) -> Source:
        """The poller's own shape."""
        return Source(**msgspec.structs.asdict(self) | {"name": self.name or self.id})


class StrategyConfig(_Section, frozen=True, kw_only=True):
    """[strategies.NAME]: one strategy; further keys are its own parameters."""

    enabled: Annotated[bool, _says("whether it runs")] = True
    mandate: Annotated[
        Literal["alert", "suggest", "paper", "live"],
        _says('how far it may go alone: "alert", "suggest" or "paper"; "live" is refused today'),
    ] = "suggest"
    path: Annotated[
        str, _says('a Python file of your own that holds it; "" for one that is installed')
    ] = ""
    params: dict[str, Any] = {}


class JudgeConfig(_Section, frozen=True, kw_only=True):
    """[judge]: a language model of the user's choice that reads each story. Off without a url."""

    url: Annotated[
        str,
        _says(
            "a server that speaks OpenAI's chat completions reads each story and says which "
            "markets it touches; titles and summaries are sent to it. Set url and model, then run "
            '`ftt judge test`. Ollama: "http://127.0.0.1:11434/v1", llama.cpp: '
            '"http://127.0.0.1:8080/v1", vLLM: "http://127.0.0.1:8000/v1"; "" asks nobody',
            max_length=2_048,
            extra=_WEB,
        ),
    ] = ""
    model: Annotated[
        str, _says("the model that is asked, by the server's name for it", max_length=80)
    ] = ""
    key: Annotated[
        str,
        _says(
            "where the server wants a key: the name in capitals, such as OPENAI_KEY, of a variable "
            "of the environment, or of a file that only you can read in the folder secrets beside "
            'the place of config that `ftt paths` shows; never the key itself; "" sends none',
            pattern=r"^([A-Z][A-Z0-9_]{0,63})?$",
            extra={"hidden": True},
        ),
    ] = ""
    may_place: Annotated[
        bool,
        _says(
            "DANGER: true lets strategies place orders on the model's word alone, without the "
            "linker seeing the same side. Whoever writes a headline that misleads the model then "
            "moves your money. false: such a trade is suggested and waits for you"
        ),
    ] = False
    timeout_s: Annotated[
        float,
        _says("seconds until an answer comes too late", ge=1, le=120, extra=_SECONDS),
    ] = 20.0
    stories_per_minute_max: Annotated[
        int, _says("stories beyond so many in a minute keep the linker's links", ge=1, le=600)
    ] = 20
    tokens_per_day_max: Annotated[
        int,
        _says(
            "after so many tokens, asked and answered, in any 24 hours of one run the linker's "
            "links stand",
            ge=1_000,
            le=10**12,
        ),
    ] = 2_000_000
    floor: Annotated[
        float,
        _says("a link whose relevance by the judge's word is lower is left out", ge=0, le=1),
    ] = 0.3


class AlertsConfig(_Section, frozen=True, kw_only=True):
    """[alerts]: where messages go, and when they may not."""

    stdout: Annotated[bool, _says("write alerts to standard output (without a face)")] = True
    file: Annotated[bool, _says("append alerts to alerts.jsonl in the state folder")] = True
    cooldown_s: Annotated[
        int,
        _says(
            "at most one alert a market or story in so many seconds",
            ge=0,
            le=86_400,
            extra=_SECONDS,
        ),
    ] = 300
    quiet_hours: Annotated[
        str,
        _says(
            'local hours without alerts but for money, such as "22:00-07:00"; "" for none',
            pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        ),
    ] = ""


class TapeConfig(_Section, frozen=True, kw_only=True):
    """[tape]: the recording of each session, for replay and backtests."""

    record: Annotated[bool, _says("record each session")] = True
    folder: Annotated[str, _says('where tapes are kept; "" for the state folder')] = ""
    keep_bytes: Annotated[
        int,
        _says(
            "oldest tapes beyond so many bytes are deleted",
            ge=1_000_000,
            le=10**15,
            extra={"unit": "bytes"},
        ),
    ] = 2_000_000_000


class TuiConfig(_Section, frozen=True, kw_only=True):
    """[tui]: looks and keys of the terminal."""

    theme: Annotated[
        Literal["auto", "newsprint", "ink"],
        _says('"newsprint" is light, "ink" is dark, "auto" follows the terminal'),
    ] = "auto"
    keys: Annotated[
        dict[str, str], _says("your own keys: an action's name and its key", max_length=KEYS_MAX)
    ] = {}


class EngineConfig(_Section, frozen=True, kw_only=True):
    """[engine]: bounds of the machine room."""

    follow_max: Annotated[int, _says("order books followed at once", ge=2, le=2_000)] = 400
    lag_max_ms: Annotated[
        int,
        _says("no order leaves while the engine is further behind, in ms", ge=100, le=60_000),
    ] = 1_000


class _Pack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    feeds: tuple[FeedConfig, ...]


@functools.cache
def feed_pack() -> tuple[FeedConfig, ...]:
    """The feeds that come with the program, by group, as ``feeds.toml`` beside this file says."""
    text = resources.files(__package__).joinpath("feeds.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Pack).feeds


DEFAULT_FEED_IDS = (
    "openai",
    "deepmind",
    "huggingface",
    "the-decoder",
    "techcrunch-ai",
    "ars-ai",
    "nvidia-blog",
    "amd-investors",
    "toms-hardware",
    "eetimes",
    "bbc-technology",
    "cnbc-technology",
)
"""What is read of the pack when the file names no feeds: makers, trade press and two wires."""


def default_feeds() -> tuple[FeedConfig, ...]:
    """The feeds of ``DEFAULT_FEED_IDS``, in its order."""
    pack = {feed.id: feed for feed in feed_pack()}
    return tuple(pack[name] for name in DEFAULT_FEED_IDS)


DEFAULT_STRATEGIES = {"drift": StrategyConfig(), "fade": StrategyConfig()}


class Config(_Section, frozen=True, kw_only=True):
    """The whole configuration, checked."""

    venue: VenueConfig = VenueConfig()
    account: AccountConfig = AccountConfig()
    risk: RiskConfig = RiskConfig()
    news: NewsConfig = NewsConfig()
    feeds: tuple[FeedConfig, ...] = msgspec.field(default_factory=default_feeds)
    strategies: dict[str, StrategyConfig] = msgspec.field(
        default_factory=lambda: dict(DEFAULT_STRATEGIES)
    )
    judge: JudgeConfig = JudgeConfig()
    alerts: AlertsConfig = AlertsConfig()
    tape: TapeConfig = TapeConfig()
    tui: TuiConfig = TuiConfig()
    engine: EngineConfig = EngineConfig()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The feeds in the poller's own shape; those that are off are left out."""
        return tuple(
            msgspec.structs.replace(feed.source, slowest_s=self.news.slowest_s)
            for feed in self.feeds
            if feed.enabled
        )

    @property
    def digest(self) -> str:
        """A fingerprint of all settings, kept with each session in the ledger."""
        return blake2b(msgspec.json.encode(self, order="sorted"), digest_size=16).hexdigest()


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "venue": VenueConfig,
    "account": AccountConfig,
    "risk": RiskConfig,
    "news": NewsConfig,
    "judge": JudgeConfig,
    "alerts": AlertsConfig,
    "tape": TapeConfig,
    "tui": TuiConfig,
    "engine": EngineConfig,
}
"""The sections that are one table each; feeds and strategies are read apart."""
