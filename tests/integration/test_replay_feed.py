"""A recording fed over a real broker to a stand-in ingest, as its machine would have sent it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.publish import single

from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch.events import Frame, Offline, SessionEnd, SessionStart, TopicKind
from sledwatch_app.errors import Failed
from sledwatch_app.replay import ReplayConfig, replay
from sledwatch_sim.equipment.models import SEATED
from stand_in_ingest import StandInIngest
from waiting import eventually

pytest_plugins = ("mqtt_brokers",)

NOW_US = 1_795_330_800_000_000


@pytest.fixture
def ingest(broker) -> Iterator[StandInIngest]:
    listening = StandInIngest(broker.url, now_us=NOW_US)
    yield listening
    listening.close()


@pytest.fixture
def config(broker, tmp_path: Path, free_port) -> ReplayConfig:
    """Five seconds at 50 Hz, and a system whose API does not answer."""
    path = tmp_path / "r.csv"
    rows = [f"{1000 + i * 20_000},{i / 2},{80 if i < 100 else 85}" for i in range(250)]
    path.write_text("t_us,depth_mm,load_kg\n" + "\n".join(rows) + "\n")
    return ReplayConfig(
        path, "g", "m", "u", broker.url, f"http://127.0.0.1:{free_port()}", None, clock_us=lambda: NOW_US
    )


def feed(config: ReplayConfig) -> list[str]:
    return replay(config, lambda _: None, threading.Event())


def sent(ingest: StandInIngest) -> list[events.Payload]:
    """In order of their numbers: brokers keep the order within a topic only."""
    kinds = (Frame, SessionStart, SessionEnd)
    return [_decoded(payload, kinds) for _, payload in sorted(ingest.payloads.items())]


def _decoded(payload: bytes, kinds: tuple[type, ...]) -> events.Payload:
    fields = msgspec.json.decode(payload)
    kind = kinds[0] if "depth_mm" in fields else kinds[1] if fields["event"] == "start" else kinds[2]
    return msgspec.json.decode(payload, type=kind)


def test_a_recording_arrives_as_one_session_that_ends_now(config, ingest):
    (session,) = feed(config)
    start, *frames, end = sent(ingest)
    assert (session, "u", session) == (start.session, start.user, end.session)
    assert [50] * 5 == [len(frame.depth_mm) for frame in frames]
    assert [i / 2 for i in range(250)] == [mm for frame in frames for mm in frame.depth_mm]
    assert [80.0, 80.0, 85.0, 85.0, 85.0] == [frame.load_kg for frame in frames]
    assert (NOW_US - 5_000_000, NOW_US) == (start.t_us, end.t_us)


def test_an_unknown_machine_is_the_usual_incline_press_and_gone_when_it_is_over(config, ingest):
    feed(config)
    eventually(lambda: isinstance(ingest.states[-1], Offline))
    assert ("incline", 45.0, 50.0) == (ingest.states[0].kind, ingest.states[0].rail_deg, ingest.states[0].rate_hz)


def test_a_known_machine_is_taken_for_what_it_is_and_left_as_it_was(config, ingest, broker):
    known = msgspec.structs.replace(SEATED.online, boot="its-own")
    topic = events.topic("g", "m", TopicKind.STATE)
    port = BrokerAddress.parse(broker.url).port
    single(topic, events.encode(known), 1, retain=True, hostname="127.0.0.1", port=port, protocol=5)
    eventually(lambda: known in ingest.states)
    feed(config)
    eventually(lambda: ingest.states[-1] == known)
    assert ["its-own", "seated", "its-own"] == [ingest.states[0].boot, ingest.states[1].kind, ingest.states[-1].boot]


def test_a_stopped_replay_ends_its_session(config, ingest):
    ingest.stores = False
    stop = threading.Event()
    ends = threading.Thread(target=replay, args=(config, lambda _: None, stop))
    ends.start()
    eventually(lambda: len(ingest.heard) == 7)
    stop.set()
    ends.join(10)
    assert not ends.is_alive()


def test_without_a_broker_it_says_so(config, free_port):
    with pytest.raises(Failed, match="no broker at"):
        feed(ReplayConfig(config.path, "g", "m", "u", f"mqtt://127.0.0.1:{free_port()}", config.api_url, None))
