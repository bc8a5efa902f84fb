"""The outbox and its sender: told at least once, in order, and not while nobody confirms."""

from dataclasses import dataclass, field

import msgspec

from closing_house import House, empty_state, house
from presses import T0_US, S, Session
from sledwatch_analytics.delivery import Sender
from sledwatch_storage.state import alerts, outbox
from sledwatch_storage.state.limits import put_limit

__all__ = ["empty_state", "house"]


@dataclass
class Broker:
    """Confirms, or does not."""

    confirms: bool = True
    got: list[tuple[str, bytes]] = field(default_factory=list)

    def publish_confirmed(self, topic_text: str, payload: bytes, timeout_s: float) -> bool:  # noqa: ARG002 - a link's signature
        self.got.append((topic_text, payload))
        return self.confirms


def one_alert(house: House) -> str:
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=410.0, set_by="trainer", now_us=T0_US)
    house.arrive(Session().set_of([420.0, 425.0]).events(), T0_US + 60 * S)
    house.closer.run_once()
    return alerts.list_alerts(house.engine)[0].id


def test_a_letter_is_sent_once_when_it_is_confirmed(house: House) -> None:
    alert = one_alert(house)
    broker = Broker()
    sender = Sender(house.engine, broker, lambda: house.now_us)

    assert sender.send_waiting()
    assert sender.send_waiting()

    ((topic, payload),) = broker.got
    assert ("sledwatch/v1/north/alert", alert) == (topic, msgspec.json.decode(payload)["id"])
    assert [] == outbox.waiting(house.engine, "mqtt")


def test_what_is_not_confirmed_stays_and_is_sent_again(house: House) -> None:
    one_alert(house)
    broker = Broker(confirms=False)
    sender = Sender(house.engine, broker, lambda: house.now_us)

    assert not sender.send_waiting()
    broker.confirms = True
    assert sender.send_waiting()

    assert 2 == len(broker.got)
    assert broker.got[0] == broker.got[1]


def test_what_was_silenced_before_it_was_told_is_not_told(house: House) -> None:
    alert = one_alert(house)
    alerts.change_state(house.engine, alert, "silence", "trainer", house.now_us)
    late = Session(session="s-2", user="m-2", start_us=T0_US + 3600 * S, seq=500).set_of([380.0])
    house.arrive(late.events(), late.now_us)
    house.closer.run_once()

    assert 1 == len(outbox.waiting(house.engine, "mqtt"))
