"""The deterministic core: events in, decisions out.

``core`` wires the parts together: ``news`` (stories and links), ``odds`` (odds through time),
``impacts`` (what stories did to them), ``follow_list`` (whose books we need), ``signals``
(strategies and suggestions), ``trading`` (orders, gate and money), ``outbox`` (time, and what is
decided), ``context`` (what a strategy sees of all this).
"""

from strategies.desk.core import Desk
from strategies.desk.orders import OrderRecord
from strategies.desk.settings import DeskSettings, Enrolled, Scheduled
from strategies.desk.signals import Signal

__all__ = ["Desk", "DeskSettings", "Enrolled", "OrderRecord", "Scheduled", "Signal"]
