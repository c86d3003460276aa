"""The same under another name, so that it may be enrolled twice: once to place, once to ask."""

from tests.terminal import spy_strategy


class Asker(spy_strategy.Taker):
    name = "asker"
    summary = "as the other one, and waits for a person's word"
