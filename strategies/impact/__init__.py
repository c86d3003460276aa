"""How far has this story moved these odds?

One module a question: the odds through time (``odds``), one story's window (``window``), the
verdict (``measure``), whose move it was (``credit``, ``peers``), what it is worth among many
(``many``), moves without a story (``scan``), what like stories did (``precedents``), questions with
a deadline (``deadline``). Pure: no clock, no chance, no I/O.
"""

from strategies.impact.credit import Rival
from strategies.impact.deadline import deadline
from strategies.impact.many import ManyPairs
from strategies.impact.measure import measure, times
from strategies.impact.odds import GUARD, Absence, OddsHistory, expit, logit
from strategies.impact.peers import PEERS_MIN, Peers
from strategies.impact.precedents import Precedent, Precedents
from strategies.impact.scan import Move, abnormal_move
from strategies.impact.window import LEAD, story_time

__all__ = [
    "GUARD",
    "LEAD",
    "PEERS_MIN",
    "Absence",
    "ManyPairs",
    "Move",
    "OddsHistory",
    "Peers",
    "Precedent",
    "Precedents",
    "Rival",
    "abnormal_move",
    "deadline",
    "expit",
    "logit",
    "measure",
    "story_time",
    "times",
]
