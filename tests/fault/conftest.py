"""Where the fault tests happen: a broker and the stores, in the pairs that people run, or in every pair.

A test takes the fixtures `broker` and `stores`, and gets them as the one command and as the full stack have them. One
whose matter is another says which pairs it wants: `@pytest.mark.parametrize("kinds", EVERY_PAIR, indirect=True)`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from busy_gym import BusyGym
from deployments import DEPLOYMENTS, EVERY_PAIR, Kinds
from fault_scale import either
from ingest_running import InfluxStores, IngestProcess, Stores
from mqtt_brokers import Broker, running_broker, url_for_ingest
from waiting import eventually


@pytest.fixture(params=either(DEPLOYMENTS, EVERY_PAIR))
def kinds(request: pytest.FixtureRequest) -> Kinds:
    """Which store and which broker."""
    named: Kinds = request.param
    return named


@pytest.fixture
def broker(kinds: Kinds, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Broker]:
    """A running broker."""
    with running_broker(kinds.broker, tmp_path, free_port) as running:
        yield running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The directory that the stores are in."""
    directory = tmp_path / "stores"
    directory.mkdir()
    return directory


@pytest.fixture
def new_stores(kinds: Kinds, data: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], Stores]]:
    """Opens empty stores, when a test is ready for them."""
    opened: list[Stores] = []

    def open_stores() -> Stores:
        stores = (
            Stores(data) if kinds.store == "sqlite" else InfluxStores(data, request.getfixturevalue("influx_server"))
        )
        opened.append(stores)
        return stores

    yield open_stores
    for stores in opened:
        stores.close()


@pytest.fixture
def stores(new_stores: Callable[[], Stores]) -> Stores:
    """Empty stores of its own for each test."""
    return new_stores()


@pytest.fixture
def gym(broker: Broker) -> Iterator[BusyGym]:
    """A gym that is not open yet."""
    made = BusyGym(broker.url)
    yield made
    made.close()


@pytest.fixture
def ingest(broker: Broker, stores: Stores) -> Iterator[IngestProcess]:
    """Ingest as a process, subscribed."""
    made = IngestProcess(url_for_ingest(broker), stores)
    made.start()
    try:
        eventually(lambda: stores.beat().get("subscribed"))
        yield made
    finally:
        made.kill()
