"""The deterministic core: events in, decisions out.

``core`` wires the rooms together: ``news`` (stories and links), ``odds`` (odds through time),
``impacts`` (what stories did to them), ``watch`` (whose books we need), ``signals`` (strategies and
suggestions), ``trading`` (orders, gate and money), ``pulse`` (time and voice).
"""

from strategies.desk.core import Desk
from strategies.desk.orders import OrderRecord
from strategies.desk.settings import DeskSettings, Enrolled, Scheduled
from strategies.desk.signals import Signal

__all__ = ["Desk", "DeskSettings", "Enrolled", "OrderRecord", "Scheduled", "Signal"]
