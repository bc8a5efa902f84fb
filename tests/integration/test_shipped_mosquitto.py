"""Mosquitto with the shipped configuration and ACL: a machine is nobody but itself, and services get what they need.

Mosquitto grants every subscription and looks at the ACL again for each message that it would deliver; so what counts
is what is heard.
"""

from collections.abc import Callable, Iterator

import pytest

from shipped_mosquitto import ShippedMosquitto, User, shipped
from waiting import eventually

__all__ = ["shipped"]

pytestmark = pytest.mark.needs("mosquitto", "mosquitto_passwd", "openssl")

ROOT = "sledwatch/v1"
OWN, OTHER = "riverside/press-1", "riverside/press-2"
SAID_BY_MACHINES = ("state", "session", "frame")
SAID_TO_MACHINES = ("stored", "limit", "cue")

Enter = Callable[..., User]


@pytest.fixture
def enter(shipped: ShippedMosquitto) -> Iterator[Enter]:
    """Connects users, by the name of a service or a machine, and disconnects them at the end."""
    shipped.add(OWN, OTHER)
    users: list[User] = []

    def connect(name: str, **about: object) -> User:
        if "/" in name:
            url, ca = shipped.of_machine(name)["url"], shipped.ca
        else:
            url, ca = shipped.url_of(name), None
        users.append(eventually(lambda: _let_in(User(url, ca, **about))))  # type: ignore[arg-type]
        return users[-1]

    yield connect
    for user in users:
        user.leave()


def _let_in(user: User) -> User | None:
    """None for one that the broker does not know yet: it reads its files a moment after it is told to."""
    if user.refused is None:
        return user
    user.leave()
    return None


@pytest.mark.parametrize("kind", SAID_BY_MACHINES)
def test_a_machine_speaks_under_its_own_name(enter: Enter, kind: str) -> None:
    ingest, machine = enter("ingest"), enter(OWN)
    ingest.subscribe(f"{ROOT}/+/+/{kind}")
    assert "Success" == machine.publish(f"{ROOT}/{OWN}/{kind}", b"1")
    eventually(lambda: ingest.heard == [(f"{ROOT}/{OWN}/{kind}", b"1")])


@pytest.mark.parametrize(
    "topic",
    [
        *(f"{ROOT}/{OTHER}/{kind}" for kind in SAID_BY_MACHINES),
        *(f"{ROOT}/{OWN}/{kind}" for kind in (*SAID_TO_MACHINES, "rep")),
        f"{ROOT}/riverside/alert",
        f"{ROOT}/{OWN}/frame/more",
        f"{ROOT}/{OWN}",
        "$SYS/broker/uptime",
        "anything/else",
    ],
)
def test_a_machine_says_nothing_else(enter: Enter, topic: str) -> None:
    assert "Not authorized" == enter(OWN).publish(topic)


def test_a_machine_hears_what_is_said_to_it_and_nothing_else(enter: Enter) -> None:
    """Not by wildcards, not what others say or are told, not its own words, and nothing of the broker's own."""
    machine, other = enter(OWN), enter(OTHER)
    ingest, analytics = enter("ingest"), enter("analytics")
    machine.subscribe("#", "$SYS/#", "+/+/+/+/+", f"$share/all/{ROOT}/#", f"{ROOT}/{OTHER}/stored")
    for kind in SAID_BY_MACHINES:
        other.publish(f"{ROOT}/{OTHER}/{kind}")
        machine.publish(f"{ROOT}/{OWN}/{kind}")
    for name in (OTHER, OWN):
        ingest.publish(f"{ROOT}/{name}/stored")
        for kind in ("limit", "cue", "rep"):
            analytics.publish(f"{ROOT}/{name}/{kind}")
    analytics.publish(f"{ROOT}/riverside/alert")
    last = f"{ROOT}/{OWN}/limit"
    analytics.publish(last, b"last")
    eventually(lambda: (last, b"last") in machine.heard)
    assert {f"{ROOT}/{OWN}/{kind}" for kind in SAID_TO_MACHINES} == {topic for topic, _ in machine.heard}


def test_what_is_retained_is_no_way_round(enter: Enter) -> None:
    ingest, analytics, other = enter("ingest"), enter("analytics"), enter(OTHER)
    other.publish(f"{ROOT}/{OTHER}/state", b"other", retain=True)
    ingest.publish(f"{ROOT}/{OTHER}/stored", b"other", retain=True)
    analytics.publish(f"{ROOT}/{OWN}/limit", b"own", retain=True)
    machine = enter(OWN)
    machine.subscribe("#")
    eventually(lambda: machine.heard)
    ingest.publish(f"{ROOT}/{OWN}/stored", b"last")
    eventually(lambda: (f"{ROOT}/{OWN}/stored", b"last") in machine.heard)
    assert [(f"{ROOT}/{OWN}/limit", b"own"), (f"{ROOT}/{OWN}/stored", b"last")] == machine.heard


def test_a_will_is_heard_on_ones_own_state_only(enter: Enter) -> None:
    ingest = enter("ingest")
    ingest.subscribe(f"{ROOT}/+/+/state")
    enter(OTHER, will=f"{ROOT}/{OWN}/state").vanish()
    enter(OWN, will=f"{ROOT}/{OWN}/state").vanish()
    other = enter(OTHER)
    other.publish(f"{ROOT}/{OTHER}/state", b"back")
    eventually(lambda: (f"{ROOT}/{OTHER}/state", b"back") in ingest.heard)
    eventually(lambda: (f"{ROOT}/{OWN}/state", b"gone") in ingest.heard)
    assert 1 == [topic for topic, _ in ingest.heard].count(f"{ROOT}/{OWN}/state")


def test_nobody_enters_without_a_password(shipped: ShippedMosquitto) -> None:
    shipped.add(OWN)
    machine = shipped.of_machine(OWN)
    wrong = User(machine["url"].replace(machine["password"], "guessed"), shipped.ca)
    nobody = User(f"mqtts://127.0.0.1:{shipped.tls_port}", shipped.ca)
    plain = User(f"mqtt://127.0.0.1:{shipped.port}")
    for user in (wrong, nobody, plain):
        user.leave()
    assert ["Not authorized"] * 3 == [wrong.refused, nobody.refused, plain.refused]


def test_a_machine_cannot_take_the_place_of_ingest(enter: Enter) -> None:
    """Anybody may choose any client id: under ingest's, a machine would get ingest's session, and what waits in it."""
    ingest = enter("ingest", client_id="sledwatch-ingest", keeps_session=True)
    ingest.subscribe(f"{ROOT}/+/+/frame")
    enter(OTHER, client_id="sledwatch-ingest").leave()
    assert ingest.connected
    ingest.leave()
    intruder = enter(OTHER, client_id="sledwatch-ingest", keeps_session=True)
    enter(OWN).publish(f"{ROOT}/{OWN}/frame", b"waits")
    intruder.leave()
    back = enter("ingest", client_id="sledwatch-ingest", keeps_session=True)
    eventually(lambda: back.heard == [(f"{ROOT}/{OWN}/frame", b"waits")])
    assert [] == intruder.heard


@pytest.mark.parametrize("name", ["+/+", "riverside/+", "riverside/#", "+"])
def test_a_name_of_wildcards_widens_nothing(shipped: ShippedMosquitto, enter: Enter, name: str) -> None:
    """No credentials of that kind are made; one that was added by hand may do nothing at all."""
    shipped.add_by_hand(name, "password-of-nobody")
    wild = eventually(lambda: _let_in(User(shipped.url_as(name, "password-of-nobody"), shipped.ca)))
    ingest = enter("ingest")
    wild.subscribe("#")
    ingest.publish(f"{ROOT}/{OWN}/stored", b"1", retain=True)
    said = wild.publish(f"{ROOT}/{OWN}/frame")
    wild.leave()
    assert ("Not authorized", []) == (said, wild.heard)


def test_services_say_and_hear_what_they_need(enter: Enter) -> None:
    machine, ingest, analytics, simulator = enter(OWN), enter("ingest"), enter("analytics"), enter("simulator")
    machine.subscribe(f"{ROOT}/{OWN}/+")
    simulator.subscribe(f"{ROOT}/+/+/+")
    ingest.subscribe(f"{ROOT}/+/+/state", f"$share/ingest/{ROOT}/+/+/session", f"$share/ingest/{ROOT}/+/+/frame")
    analytics.subscribe(f"{ROOT}/+/+/+")
    for kind in SAID_BY_MACHINES:
        machine.publish(f"{ROOT}/{OWN}/{kind}")
        simulator.publish(f"{ROOT}/{OTHER}/{kind}")
    said = {f"{ROOT}/{name}/{kind}" for name in (OWN, OTHER) for kind in SAID_BY_MACHINES}
    eventually(lambda: {topic for topic, _ in ingest.heard} == said == {topic for topic, _ in analytics.heard})
    told = {f"{ROOT}/{OWN}/{kind}" for kind in SAID_TO_MACHINES}
    assert "Success" == ingest.publish(f"{ROOT}/{OWN}/stored")
    assert ["Success", "Success"] == [analytics.publish(f"{ROOT}/{OWN}/{kind}") for kind in ("limit", "cue")]
    eventually(lambda: {topic for topic, _ in machine.heard} == told)
    eventually(lambda: told <= {topic for topic, _ in simulator.heard})
    assert {"Not authorized"} == {
        ingest.publish(f"{ROOT}/{OWN}/frame"),
        ingest.publish(f"{ROOT}/{OWN}/limit"),
        analytics.publish(f"{ROOT}/{OWN}/stored"),
        simulator.publish(f"{ROOT}/{OWN}/stored"),
    }
    assert "Not authorized" not in {
        analytics.publish(f"{ROOT}/{OWN}/rep"),
        analytics.publish(f"{ROOT}/riverside/alert"),
    }


def test_the_monitor_hears_the_broker_itself_and_no_machine(enter: Enter) -> None:
    monitor, machine = enter("monitor"), enter(OWN)
    monitor.subscribe("$SYS/broker/version", "#")
    machine.publish(f"{ROOT}/{OWN}/state", retain=True)
    eventually(lambda: monitor.heard)
    assert {"$SYS/broker/version"} == {topic for topic, _ in monitor.heard}


def test_a_machine_that_is_removed_is_let_go_and_the_others_stay(shipped: ShippedMosquitto, enter: Enter) -> None:
    machine, other = enter(OWN), enter(OTHER)
    shipped.remove(OWN)
    eventually(lambda: not machine.connected)
    assert other.connected
    assert "Not authorized" != other.publish(f"{ROOT}/{OTHER}/frame")


def test_a_broker_that_is_killed_keeps_what_it_acknowledged_but_for_the_last_changes(
    shipped: ShippedMosquitto, enter: Enter
) -> None:
    """autosave_interval says how many: machines keep what is not yet `stored`, and send those again."""
    ingest = enter("ingest", client_id="sledwatch-ingest", keeps_session=True)
    ingest.subscribe(f"$share/ingest/{ROOT}/+/+/frame")
    ingest.leave()
    machine = enter("simulator")
    sent = [str(n).encode() for n in range(1200)]
    acknowledged = [machine.publish(f"{ROOT}/{OWN}/frame", payload) for payload in sent]
    shipped.kill()
    shipped.start()
    back = enter("ingest", client_id="sledwatch-ingest", keeps_session=True)
    eventually(lambda: len(back.heard) >= len(sent) - 500)
    assert {"Success"} == set(acknowledged)
    assert sent[: len(back.heard)] == [payload for _, payload in back.heard]


def test_a_broker_that_is_stopped_keeps_everything(shipped: ShippedMosquitto, enter: Enter) -> None:
    ingest = enter("ingest", client_id="sledwatch-ingest", keeps_session=True)
    ingest.subscribe(f"{ROOT}/+/+/frame")
    ingest.leave()
    analytics, machine = enter("analytics"), enter(OWN)
    analytics.publish(f"{ROOT}/{OWN}/limit", b"limit", retain=True)
    machine.publish(f"{ROOT}/{OWN}/frame", b"frame")
    shipped.stop()
    shipped.start()
    again, back = enter(OWN), enter("ingest", client_id="sledwatch-ingest", keeps_session=True)
    again.subscribe(f"{ROOT}/{OWN}/limit")
    eventually(lambda: [b"limit"] == [payload for _, payload in again.heard])
    eventually(lambda: [b"frame"] == [payload for _, payload in back.heard])
