"""The configuration: one typed shape, read from file, environment and flags.

``load`` gives a :class:`Loaded` or raises :class:`ConfigError` with everything that is wrong.
"""

from terminal.config.files import check, environment, example, feed_table, init, schema, show
from terminal.config.layers import Loaded, load
from terminal.config.problems import ConfigError, Problem
from terminal.config.shape import Config, FeedConfig, StrategyConfig

__all__ = [
    "Config",
    "ConfigError",
    "FeedConfig",
    "Loaded",
    "Problem",
    "StrategyConfig",
    "check",
    "environment",
    "example",
    "feed_table",
    "init",
    "load",
    "schema",
    "show",
]
