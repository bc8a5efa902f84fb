"""A run of the simulator: members and history over HTTP, then the floor over MQTT, until all is stored or for ever."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from sledwatch.address import BrokerAddress
from sledwatch_sim.api import Api, ApiError, Token
from sledwatch_sim.equipment.sensors import SensorAtWork
from sledwatch_sim.front_desk import Desk, FrontDesk
from sledwatch_sim.pace import Hurried, Pace, RealTime
from sledwatch_sim.people import DAY_US, Lifter
from sledwatch_sim.programmes import MINUTE_US, Ids, Machine, Programme, Together, at_work, riverside
from sledwatch_sim.scenarios import WrongScenario, load, names
from sledwatch_sim.truth import SensorTruth, Truth
from sledwatch_sim.visits import Station, Visit, Visited
from sledwatch_sim.wire.conditions import Passage
from sledwatch_sim.wire.connection import Carrier, Gateway, OwnConnection
from sledwatch_sim.wire.descriptors import TooManyConnections, allow_connections
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Loop, Network

log = structlog.get_logger()

DEFAULT_SEED: Final = 1
# What is older is refused by the services; an hour is left for the run itself.
_OLDEST_START_US: Final = 30 * DAY_US - 3_600_000_000
_READY_S: Final = 30.0
_BROKER_S: Final = 10.0
# One connection has one window for all that share it.
_MOST_PER_CONNECTION: Final = 1_000
_LOOK_S: Final = 0.05
_REPORT_S: Final = 0.5
_ENROL_AGAIN_S: Final = 5.0
_NOTE_AGAIN_S: Final = 1.0
# The session is not known yet, a store is away, nobody answers.
_TRY_AGAIN: Final = frozenset({422, 503, None})
# Nothing stored for so long at the end of a run means that nobody stores.
_STALLED_S: Final = 120.0
# Whoever presses Ctrl-C waits for this, twice at most: for what is under way, and for the goodbyes.
_GOODBYE_S: Final = 0.8


class SimulationError(Exception):
    """The run could not be done; the message is one line for whoever started it."""


class WrongSimulation(SimulationError):
    """What was asked for cannot be right: no such scenario, a start in the future, a file that cannot be written."""


def _wall_clock_us() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class SimConfig:
    """What to run.

    scenario: a name, or the path of a .toml file. every: all scenarios that come with the program, side by side, in
    place of that one. speed: event time over wall time; 1 is real time. seed and start_us
    (µs, UTC): both given, a run sends the same bytes each time; else ids are new. forever: until it is told to stop
    (`gym` only). mqtt_ca: the file of the CA that signed the broker's certificate; None: those that this system trusts.
    zone: of the gyms: what a day is there. machines_per_connection: beyond 1, so many machines share a
    connection, as behind a gateway, for a broker that takes only so many; its user has to be admitted for all of them.
    """

    mqtt_url: str
    api_url: str
    api_token: Token
    scenario: str = "gym"
    speed: float = 1.0
    seed: int | None = None
    start_us: int | None = None
    truth_path: Path | None = None
    every: bool = False
    forever: bool = False
    mqtt_ca: Path | None = None
    zone: tzinfo = UTC
    machines_per_connection: int = 1
    clock_us: Callable[[], int] = _wall_clock_us


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    share: of the event time that is over, None for a run without an end. frames_per_s, samples_per_s: over the last
    half second. lost: messages given up because no memory was left or because they were asked for three times in vain.
    refused: by the broker.
    """

    phase: str
    share: float | None
    frames: int
    frames_per_s: float
    samples_per_s: float
    sessions: int
    in_use: int
    connected: int
    machines: int
    unstored: int
    lost: int
    refused: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A scenario that comes with the program."""

    name: str
    summary: str
    gyms: int
    machines: int
    span_min: int


def listed() -> list[Listed]:
    """The scenarios that come with the program, by name."""
    found = [load(name) for name in names()]
    return [
        Listed(name, one.summary, len(one.gyms), len(one.gyms) * one.machines_each, one.span_min) for name, one in found
    ]


def run(config: SimConfig, report: Callable[[Progress], None], stop: threading.Event) -> list[str]:
    """Run to the end, or until `stop`. Returns the ids of the sessions, in the order of their ends.

    report: told twice a second where it stands. A run that is stopped ends its sessions and says Offline. Raises
    SimulationError, or its kind WrongSimulation.
    """
    seed = DEFAULT_SEED if config.seed is None else config.seed
    try:
        scenarios = [load(name) for name in (names() if config.every else [config.scenario])]
    except WrongScenario as error:
        raise WrongSimulation(str(error)) from None
    scenario_us = max(scenario.span_min for _, scenario in scenarios) * MINUTE_US
    _check(config, scenario_us)
    known = seed if config.seed is not None and config.start_us is not None else None
    now_us = config.clock_us()
    with ExitStack() as exits:
        try:
            broker = BrokerAddress.parse(config.mqtt_url, config.mqtt_ca)
            truth = exits.enter_context(Truth(config.truth_path, config.zone))
        except ValueError as error:
            raise WrongSimulation(str(error)) from error
        except OSError as error:
            raise WrongSimulation(f"{config.truth_path}: {error.strerror}") from error
        network = exits.enter_context(Network())
        pace: Pace
        if config.start_us is None and config.speed == 1.0:
            start_us = now_us
            pace = RealTime(config.clock_us)
        else:
            start_us = now_us - scenario_us if config.start_us is None else config.start_us
            pace = Hurried(start_us, network.clock(), config.speed, network.clock)
        programmes: list[Programme] = []
        for name, scenario in scenarios:
            ids = Ids(known, name)
            if config.forever:
                one: Programme = riverside(scenario, seed, ids)
            else:
                one = at_work(scenario, seed, start_us, ids, config.zone)
            programmes.append(one)
        programme = Together(programmes)
        try:
            allow_connections(-(-len(programme.machines) // config.machines_per_connection))
        except TooManyConnections as error:
            raise WrongSimulation(f"{error}: `--machines-per-connection N`") from None
        for (name, _), one in zip(scenarios, programmes, strict=True):
            truth.run(name, sorted({machine.gym for machine in one.machines}), seed, start_us)
        span_us = None if config.forever else scenario_us
        boots = Ids(known, "+".join(name for name, _ in scenarios))
        surroundings = Surroundings(
            network,
            pace,
            _carriers(programme.machines, config.machines_per_connection, network, broker),
            FrontDesk(network, lambda: Api(config.api_url, config.api_token)),
            config.clock_us,
        )
        floor = Floor(surroundings, programme, truth, boots, seed, start_us, span_us, report, stop)
        try:
            return floor.run()
        finally:
            network.refusals.sum_up()


def _check(config: SimConfig, span_us: int) -> None:
    if not 0.01 <= config.speed <= 100_000.0:
        raise WrongSimulation(f"speed {config.speed:g}: expected 0.01 to 100000 times real time")
    if not 1 <= config.machines_per_connection <= _MOST_PER_CONNECTION:
        raise WrongSimulation(
            f"{config.machines_per_connection} machines per connection: expected 1 to {_MOST_PER_CONNECTION}"
        )
    if config.seed is not None and config.seed < 0:
        raise WrongSimulation(f"seed {config.seed}: expected 0 or more")
    if config.forever and (
        config.every or config.scenario != "gym" or config.speed != 1.0 or config.start_us is not None
    ):
        raise WrongSimulation("for ever goes on in real time from now: only `gym`, without speed and start")
    if config.start_us is None:
        return
    now_us = config.clock_us()
    if config.start_us + span_us > now_us:
        raise WrongSimulation(
            f"started at {_text(config.start_us)} it would end at {_text(config.start_us + span_us)}, later than now: "
            f"start at {_text(now_us - span_us)} or earlier"
        )
    if config.start_us < now_us - _OLDEST_START_US:
        raise WrongSimulation(
            f"a start at {_text(config.start_us)} is too long ago: what is older than 30 days is refused"
        )


def _text(t_us: int) -> str:
    return datetime.fromtimestamp(t_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _carriers(machines: Sequence[Machine], each: int, network: Network, broker: BrokerAddress) -> list[Carrier]:
    """A connection of each machine's own, or one that it shares with its neighbours."""
    if each == 1:
        return [OwnConnection(network, broker) for _ in machines]
    gateways = [Gateway(network, broker, f"{first.gym}.{first.name}.gateway") for first in machines[::each]]
    return [gateways[number // each] for number in range(len(machines))]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run meets: how time goes by, the way of each machine to its broker, and where members are enrolled.

    clock_us: what the clocks of people and machines show (µs, UTC).
    """

    network: Loop
    pace: Pace
    carriers: Sequence[Carrier]
    desk: Desk
    clock_us: Callable[[], int]


class Floor:
    """The machines of one run and those at them. All of it happens in the thread that calls `run`.

    span_us: None for a run without an end.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        programme: Programme,
        truth: Truth,
        ids: Ids,
        seed: int,
        start_us: int,
        span_us: int | None,
        report: Callable[[Progress], None],
        stop: threading.Event,
    ) -> None:
        self._programme = programme
        self._network = network = surroundings.network
        self._pace = surroundings.pace
        self._carriers = surroundings.carriers
        self._desk = surroundings.desk
        self._clock_us = surroundings.clock_us
        self._truth = truth
        self._start_us = start_us
        self._seed = seed
        self._span_us = span_us
        self._report = report
        self._stop = stop
        self._sessions: list[str] = []
        self._members: set[str] = set()
        self._phase = "waiting"
        self._failure: SimulationError | None = None
        self._visiting = 0  # machines that somebody is at or on the way to
        self._untold = 0  # pain that has not been noted yet …
        self._not_told = ""  # … and why
        self._counted = (network.clock(), 0, 0)
        self._sensors: list[SensorAtWork] = []
        self._sensor_truths = [SensorTruth(one.sensor, one.press.rate_hz) for one in programme.machines]
        self._stations = [self._station(number, ids) for number in range(len(programme.machines))]

    def _station(self, number: int, ids: Ids) -> Station:
        machine, network = self._programme.machines[number], self._network
        tell = partial(self._tell_fault, machine.gym, machine.name)
        chance = (self._seed, number, self._start_us // 1_000_000)
        sensor = SensorAtWork(machine.sensor, chance, self._start_us, tell)
        self._sensors.append(sensor)
        passage = None
        if not machine.network.good:
            passage = Passage(machine.network, chance, network, self._start_us, self._pace.delay_s, tell)
        boot = ids.boot(number, self._start_us)
        device = Device(
            network,
            self._carriers[number],
            machine.gym,
            machine.name,
            machine.press.online,
            boot,
            passage=passage,
            # What is hurried happened earlier, and is to be the same bytes each time.
            clock_us=None if self._pace.hurried else self._clock_us,
        )
        over = partial(self._over, number)
        return Station(
            network, device, machine.press, self._pace, over, sensor, self._start_us, partial(ids.boot, number)
        )

    def _tell_fault(
        self, gym: str, machine: str, kind: str, from_us: int, to_us: int, detail: Mapping[str, float]
    ) -> None:
        self._truth.fault(kind, gym, machine, from_us, to_us, detail)

    def run(self) -> list[str]:
        """Open, wait until everybody has left and all is stored, and close."""
        try:
            for station in self._stations:
                station.device.switch_on()
            if self._span_us is not None:
                self._network.call_later(_BROKER_S, self._require_broker)
            self._tell()
            self._open()
            self._until(lambda: False if self._span_us is None else self._phase == "live" and self._visiting == 0)
            if not self._stopped():
                self._phase = "storing"
                self._watch_storing(self._unstored(), self._network.clock())
                self._until(self._all_stored())
                self._note_what_is_left()
            self._close()
        finally:
            self._desk.close()
        if self._failure is not None:
            raise self._failure
        return self._sessions

    def _stopped(self) -> bool:
        return self._stop.is_set() or self._failure is not None

    def _until(self, done: Callable[[], bool]) -> None:
        self._network.run(lambda: self._stopped() or done())

    def _fail(self, message: str) -> None:
        self._failure = SimulationError(message)

    def _all_stored(self) -> Callable[[], bool]:
        """Whether every machine is done; asked after each round of the loop, which thousands of machines make many."""
        look_s = 0.0

        def all_stored() -> bool:
            nonlocal look_s
            if self._network.clock() < look_s:
                return False
            look_s = self._network.clock() + _LOOK_S
            return self._unstored() == 0

        return all_stored

    def _unstored(self) -> int:
        return sum(station.device.unstored for station in self._stations)

    def _open(self) -> None:
        """Wait for the system, then send what comes before the first visit."""
        patience_s = None if self._span_us is None else _READY_S

        def prepare(api: Api) -> None:
            api.wait_ready(lambda: self._stop.is_set() or self._desk.closed(), patience_s)
            if not self._stop.is_set():
                self._programme.prepare(api)

        self._desk.ask(prepare, lambda _: self._opened(), self._not_opened)

    def _not_opened(self, error: ApiError) -> None:
        if self._span_us is not None:
            self._fail(str(error))
            return
        log.warning("simulation.not_opened", reason=str(error), again_in_s=_ENROL_AGAIN_S)
        self._network.call_later(_ENROL_AGAIN_S, self._open)

    def _opened(self) -> None:
        if self._stopped():
            return
        self._phase = "live"
        # In real time the gym opens now, however long it took until the system was ready.
        opened_us = self._start_us if self._pace.hurried else self._clock_us()
        for number in range(len(self._stations)):
            self._invite(number, opened_us)

    def _invite(self, number: int, free_us: int) -> None:
        coming = self._programme.next(number, free_us)
        if coming is None:
            return
        lifter, start_us = coming
        self._visiting += 1
        self._enrol(number, lifter, start_us)

    def _enrol(self, number: int, lifter: Lifter, start_us: int) -> None:
        self._desk.ask(
            lambda api: self._programme.admit(api, number, lifter, start_us),
            partial(self._expect, number),
            partial(self._not_enrolled, number, lifter, start_us),
        )

    def _expect(self, number: int, visit: Visit) -> None:
        machine = self._programme.machines[number]
        if visit.lifter.user not in self._members:
            self._members.add(visit.lifter.user)
            if visit.session is not None:
                self._truth.member(
                    visit.lifter,
                    machine.press,
                    machine.gym,
                    machine.name,
                    limit_mm=visit.limit_mm,
                    protocol=visit.protocol,
                )
        self._stations[number].expect(visit)

    def _not_enrolled(self, number: int, lifter: Lifter, start_us: int, error: ApiError) -> None:
        if self._span_us is not None:
            self._fail(str(error))
            return
        log.warning("simulation.not_enrolled", user=lifter.user, reason=str(error), again_in_s=_ENROL_AGAIN_S)
        again_us = max(start_us, self._clock_us() + int(_ENROL_AGAIN_S * 1e6))
        self._network.call_later(_ENROL_AGAIN_S, partial(self._enrol, number, lifter, again_us))

    def _over(self, number: int, station: Station, visited: Visited) -> None:
        visit, machine = visited.visit, self._programme.machines[number]
        # Asked after every visit: what nobody badged in for is in no session.
        account, sensors = self._sensors[number].account(), self._sensor_truths[number]
        if visit.session is None:
            self._truth.unbadged(
                lifter=visit.lifter,
                press=station.press,
                gym=machine.gym,
                machine=machine.name,
                start_us=visit.start_us,
                end_us=visited.end_us,
                reps=visited.reps,
            )
        else:
            self._sessions.append(visit.session)
            done, pain_us = self._truth.session(
                session=visit.session,
                lifter=visit.lifter,
                press=station.press,
                gym=machine.gym,
                machine=machine.name,
                start_us=visit.start_us,
                end_us=visited.end_us,
                reps=visited.reps,
                limit_mm=visit.limit_mm,
                past=visit.past,
                friend=visit.friend,
                protocol=visit.protocol,
                of_machine=[] if account is None else sensors.session(account),
                doubtful=sensors.doubtful,
            )
            self._programme.over(number, visited, done)
            if pain_us is not None:
                self._untold += 1
                self._tell_pain(visit.lifter.user, visit.session, pain_us)
        self._visiting -= 1
        if visited.complete:
            # After a laptop's sleep the next one comes now, not at every time that was slept through.
            free_us = visited.end_us if self._pace.hurried else max(visited.end_us, self._clock_us())
            self._invite(number, free_us)

    def _tell_pain(self, user: str, session: str, at_us: int) -> None:
        """Have somebody's pain noted at the desk; over a bad line their session may arrive there much later."""

        def told(_: None) -> None:
            self._untold -= 1

        def not_told(error: ApiError) -> None:
            self._not_told = str(error)
            if error.status in _TRY_AGAIN:
                self._network.call_later(_NOTE_AGAIN_S, ask)
            elif self._span_us is not None:
                self._fail(str(error))
            else:
                self._untold -= 1
                log.warning("simulation.pain_not_noted", user=user, session=session, reason=str(error))

        def ask() -> None:
            self._desk.ask(lambda api: api.note_pain(user, at_us, session), told, not_told)

        ask()

    def _note_what_is_left(self) -> None:
        """Wait until all pain is noted; what is stored is listed within a moment."""
        deadline_s = self._network.clock() + _READY_S
        self._until(lambda: self._untold == 0 or self._network.clock() > deadline_s)
        if self._untold and not self._stopped():
            self._fail(f"notes of pain that were not taken: {self._untold} ({self._not_told})")

    def _close(self) -> None:
        """End what goes on, give it a moment to be stored, say Offline."""
        self._phase = "closing"
        network = self._network
        for station in self._stations:
            station.close()
        deadline_s = network.clock() + (_GOODBYE_S if self._stop.is_set() else 0.0)
        all_stored = self._all_stored()
        network.run(lambda: all_stored() or network.clock() > deadline_s)
        for sensor in self._sensors:
            sensor.close()
        waiting = set(range(len(self._stations)))
        for number, station in enumerate(self._stations):
            station.device.switch_off(partial(waiting.discard, number))
        deadline_s = network.clock() + _GOODBYE_S
        network.run(lambda: not waiting or network.clock() > deadline_s)
        self._count()

    def _require_broker(self) -> None:
        devices = [station.device for station in self._stations]
        if not any(device.account.connections for device in devices):
            why = next((device.last_error for device in devices if device.last_error), "no answer")
            self._fail(f"no broker at {self._carriers[0]} ({why}): SLEDWATCH_MQTT_URL says where it is")

    def _watch_storing(self, unstored: int, since_s: float) -> None:
        now_s = self._network.clock()
        left = self._unstored()
        if left < unstored:
            unstored, since_s = left, now_s
        if now_s - since_s > _STALLED_S:
            self._fail(f"{left} messages are not stored and none was for {_STALLED_S:.0f} s: is ingest running?")
            return
        self._network.call_later(1.0, partial(self._watch_storing, unstored, since_s))

    def _tell(self) -> None:
        self._count()
        self._network.call_later(_REPORT_S, self._tell)

    def _count(self) -> None:
        now_s, frames = self._network.clock(), sum(station.frames for station in self._stations)
        samples = sum(station.samples for station in self._stations)
        before_s, frames_before, samples_before = self._counted
        self._counted = (now_s, frames, samples)
        over_s = max(now_s - before_s, 1e-9)
        devices = [station.device for station in self._stations]
        self._report(
            Progress(
                phase=self._phase,
                share=self._share(),
                frames=frames,
                frames_per_s=(frames - frames_before) / over_s,
                samples_per_s=(samples - samples_before) / over_s,
                sessions=len(self._sessions),
                in_use=sum(station.busy for station in self._stations),
                connected=sum(device.connected for device in devices),
                machines=len(devices),
                unstored=self._unstored(),
                lost=sum(device.lost for device in devices),
                refused=sum(device.account.refused for device in devices),
            )
        )

    def _share(self) -> float | None:
        """By the machine that is furthest ahead; the rest of the span is left free for those who take longer."""
        if self._span_us is None:
            return None
        if self._phase in {"storing", "closing"}:
            return 1.0
        reached_us = max((station.reached_us for station in self._stations), default=self._start_us)
        return min(1.0, max(0.0, (reached_us - self._start_us) / self._span_us))
