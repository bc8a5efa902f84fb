"""What can never be stored, among what can: it is set aside, and holds up nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_gym import BusyGym
from deployments import FULL_STACK
from influx_server import InfluxServer
from ingest_running import InfluxStores, IngestProcess, Stores, assert_stored_once, running_ingest
from mqtt_brokers import Broker, url_for_ingest
from sledwatch.events import Reason
from sledwatch_storage.state import quarantine
from store_and_forward import Machine, now_us
from waiting import eventually

DAY_US = 86_400_000_000


@pytest.fixture
def machine(broker: Broker) -> Iterator[Machine]:
    made = Machine(broker.url, name="lp-bad", again_s=3600.0)
    eventually(lambda: made.connected)
    yield made
    made.close()


def test_poison_between_good_messages_is_set_aside_though_ingest_is_killed(
    gym: BusyGym, ingest: IngestProcess, stores: Stores, machine: Machine
) -> None:
    """A message that ended whoever read it would come again after each start, for ever."""
    poison = [b"", b"\xff\xfe", b"{", b"[]", b'{"v":1', b"null", b'{"v":1,"boot":"b","seq":1e400}', b"[" * 60_000]
    gym.open(again_s=3600.0)
    gym.wait_sent(0.2)
    for payload in poison:
        machine.publish("sledwatch/v1/gym/lp-bad/frame", payload)
        machine.press_badly(load_kg=-1.0)
    ingest.kill()
    for payload in poison:
        machine.publish("sledwatch/v1/gym/lp-bad/session", payload or b" ")
    ingest.start()
    gym.wait_settled()
    eventually(lambda: not machine.unstored)
    assert_stored_once(stores, gym.machines)
    refused = {Reason.BAD_JSON, Reason.WRONG_TYPE, Reason.LOAD_OUT_OF_RANGE}
    assert refused == {message.refused.refusal.reason for message in quarantine.listing(stores.state)}


@pytest.mark.parametrize("kinds", [FULL_STACK], indirect=True)
@pytest.mark.parametrize("bad", ["older than the bucket keeps", "of another type than its field"])
def test_one_bad_point_in_a_batch_is_isolated_and_the_rest_stored(
    bad: str, broker: Broker, tmp_path: Path, influx_server: InfluxServer, machine: Machine
) -> None:
    long_ago_us = now_us() - 10 * DAY_US
    stores = InfluxStores(tmp_path, influx_server, retention_s=DAY_US // 1_000_000 if "older" in bad else None)
    if "type" in bad:
        # The type of a field is that of the first point in a shard, which is a week's here.
        stores.write(f'sample,boot=other,gym=gym,machine=other depth_mm="deep" {long_ago_us}')
    # The broker keeps the place of ingest, so that all of it comes at once.
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        pass
    machine.press(30)
    machine.press_badly(t_us=long_ago_us)
    machine.press(30)
    with running_ingest(url_for_ingest(broker), stores.series, stores.state, linger_s=0.5):
        eventually(lambda: not machine.unstored)
    assert [*range(30), *range(31, 61)] == stores.seqs("gym", "lp-bad")
    (aside,) = quarantine.listing(stores.state)
    assert (Reason.STORE_REFUSED, 30) == (aside.refused.refusal.reason, aside.refused.refusal.seq)
    stores.close()
