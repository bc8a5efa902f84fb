"""Scenarios played at once and without a line: real people at real machines, and what they would send."""

import hashlib
from typing import Any

from sledwatch import events
from sledwatch.events import TopicKind
from sledwatch_sim.equipment.sensors import SensorAtWork
from sledwatch_sim.history import PastSession
from sledwatch_sim.pace import Hurried
from sledwatch_sim.programmes import Programme
from sledwatch_sim.truth import done
from sledwatch_sim.visits import Station, Visited
from sledwatch_sim.wire.network import Network
from sledwatch_sim.wire.ring import Ring

START_US = 1_795_330_800_000_000


class Tape:
    """A machine without a line: it keeps what it would send, of all its boots."""

    limit = None
    unstored = 0
    congested = False

    def __init__(self, boot: str = "boot") -> None:
        self.ring = Ring(boot, capacity=100_000)
        self.session: str | None = None

    def reboot(self, boot: str) -> None:
        self.session = None
        self.ring.reboot(boot)

    def badge_in(self, session: str, user: str, t_us: int, setup: events.Setup) -> None:
        self.session = session
        self.ring.add(TopicKind.SESSION, lambda boot, seq: events.SessionStart(boot, seq, session, user, t_us, setup))

    def frame(self, t_us: int, dt_us: int, depth_mm: Any, load_kg: Any) -> None:
        session = self.session
        self.ring.add(
            TopicKind.FRAME,
            lambda boot, seq: events.Frame(boot, seq, t_us, dt_us, list(depth_mm), load_kg, session),
        )

    def badge_out(self, t_us: int, reason: str = "badge_out") -> None:
        session = self.session or ""
        self.ring.add(TopicKind.SESSION, lambda boot, seq: events.SessionEnd(boot, seq, session, t_us, reason))

    def digest(self) -> str:
        return hashlib.sha256(b"".join(message.payload for message in self.ring.above_watermark())).hexdigest()


class Registrar:
    """An API that admits everybody and remembers what it was told."""

    def __init__(self, members: dict[str, str | None] | None = None) -> None:
        self.known = members or {}
        self.enrolled: list[str] = []
        self.history: dict[str, list[PastSession]] = {}
        self.protocols: dict[str, Any] = {}

    def put_gym(self, gym: str, name: str, zone: Any = None) -> None:
        pass

    def members(self) -> dict[str, str | None]:
        return self.known

    def put_member(self, lifter: Any, *_: Any, **__: Any) -> None:
        self.enrolled.append(lifter.user)

    def put_protocol(self, lifter: Any, protocol: Any, _start_us: int) -> None:
        self.protocols[lifter.user] = protocol

    def send_history(self, lifter: Any, _gym: str, _machine: str, sessions: list[PastSession]) -> None:
        self.history[lifter.user] = sessions


def play(programme: Programme, visits_each: int = 99) -> tuple[list[Tape], list[Visited], Registrar]:
    """Run every visit at once, without a clock to wait for."""
    api = Registrar()
    programme.prepare(api)  # type: ignore[arg-type]
    tapes = [Tape() for _ in programme.machines]
    visited: list[Visited] = []
    with Network() as network:
        for number, tape in enumerate(tapes):
            visited += play_one(programme, number, tape, network, api, visits_each)
    return tapes, visited, api


def play_one(
    programme: Programme,
    number: int,
    tape: Tape,
    network: Network,
    api: Registrar,
    visits: int = 99,
    start_us: int = START_US,
) -> list[Visited]:
    """The visits at one machine."""
    over: list[Visited] = []
    pace = Hurried(start_us, network.clock(), 1e12, network.clock)
    machine = programme.machines[number]
    sensor = SensorAtWork(machine.sensor, (5, number), start_us)
    station = Station(
        network,
        tape,  # type: ignore[arg-type]
        machine.press,
        pace,
        lambda _station, one: over.append(one),
        sensor,
        start_us,
        lambda at_us: f"boot-{number}-{at_us}",
    )
    free_us = start_us
    while len(over) < visits and (coming := programme.next(number, free_us)) is not None:
        station.expect(programme.admit(api, number, *coming))  # type: ignore[arg-type]
        before = len(over)
        network.run(lambda before=before: len(over) > before)  # type: ignore[misc]
        free_us = over[-1].end_us
        visit = over[-1].visit
        programme.over(number, over[-1], done(machine.press, visit.lifter, visit.start_us, free_us, over[-1].reps))
    return over
