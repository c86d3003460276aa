"""A server of short lives: each line asks for one process that writes a ledger and is killed.

It imports once and forks for each life, so that a trial costs milliseconds. A request is a line
of JSON: ``{"path", "at_step", "after_s", "orders"}``; the answer is a line with the calls that were
acknowledged before the end, and whether the process lived to say good-bye.
"""

import asyncio
import json
import os
import signal
import sys

from terminal.ledger import Ledger
from tests.terminal.ledger_rows import a_days_work


class Death:
    """Kills its own process at the n-th step, the hard way."""

    def __init__(self, at_step: int) -> None:
        self._left = at_step

    def __call__(self, name: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def write(path: str, at_step: int, orders: int, tell: int) -> None:
    ledger = Ledger.open(path, step=Death(at_step))
    for number, rows in enumerate(a_days_work(orders)):
        await ledger.record(rows)
        os.write(tell, f"{number}\n".encode())
    await ledger.close()
    os.write(tell, b"bye\n")


def live(request: dict[str, object], tell: int) -> None:
    after = float(str(request.get("after_s", 0)))
    if after:
        # SIGALRM's default is to end the process on the spot, with no chance to clean up
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, after)
    at_step, orders = (int(str(request[name])) for name in ("at_step", "orders"))
    asyncio.run(write(str(request["path"]), at_step, orders, tell))


def serve() -> None:
    for line in sys.stdin:
        hear, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(hear)
            try:
                live(json.loads(line), tell)
            finally:
                os._exit(0)
        os.close(tell)
        with os.fdopen(hear) as said:
            words = said.read().split()
        os.waitpid(child, 0)
        print(json.dumps({"calls": sum(w != "bye" for w in words), "lived": "bye" in words}))
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
