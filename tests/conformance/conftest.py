"""The running practice program, and both official clients logged in to it."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from tests.conformance.drivers import DRIVERS, Driver, Where
from tests.conformance.table import REPO, Table


@pytest.fixture(scope="module")
def where() -> Iterator[Where]:
    command = [sys.executable, "-m", "practice", "--json", "--port", "0", "--seed", "7"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield json.loads(program.stdout.readline())
        finally:
            program.terminate()
            assert program.wait(10) == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drivers(where: Where) -> AsyncIterator[dict[tuple[str, int], Driver]]:
    """(client, number of the wallet) -> a logged-in driver; two wallets each."""
    opened: dict[tuple[str, int], Driver] = {}
    for name, kind in DRIVERS.items():
        for number in (0, 1):
            opened[name, number] = await kind.open(where, where["wallets"][number])
    yield opened
    for driver in opened.values():
        await driver.close()


@pytest_asyncio.fixture(loop_scope="module")
async def table(
    where: Where, drivers: dict[tuple[str, int], Driver], client: str
) -> AsyncIterator[Table]:
    async with httpx.AsyncClient(base_url=where["clob"]) as http:
        yield await Table(where, drivers[client, 0], drivers[client, 1], http).sit_down()
