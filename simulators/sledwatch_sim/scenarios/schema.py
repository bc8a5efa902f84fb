"""What a scenario's file may say; docs/scenarios.md is made from these descriptions."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sledwatch_sim.equipment.models import FASTEST_HZ, RATE_HZ, SLOWEST_HZ
from sledwatch_sim.equipment.sensors import Sensor
from sledwatch_sim.people import Sex, Temper
from sledwatch_sim.wire.conditions import Conditions

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}\Z"

Share = Annotated[float, Meta(ge=0, le=1)]
Model = Literal["LP-45", "LP-35", "SP-200", "SP-90", "XP-180", "XP-25"]


class Gym(Struct, frozen=True, forbid_unknown_fields=True):
    """A gym. All gyms of a scenario have the same machines and the same kinds of people, drawn anew for each."""

    name: Annotated[str, Meta(pattern=NAME, description="its name in topics and addresses")]
    title: Annotated[str, Meta(min_length=1, max_length=80, description="what people call it")]


class Machines(Struct, frozen=True, forbid_unknown_fields=True):
    """Machines of one kind, `press-1` and so on through the file."""

    model: Annotated[
        Model,
        Meta(
            description="`LP-45` and the flatter `LP-35` incline with plates, `SP-200` and the upright `SP-90` seated"
            " with a stack, `XP-180` supine with a stack, `XP-25` supine with plates"
        ),
    ] = "LP-45"
    rate_hz: Annotated[float, Meta(ge=SLOWEST_HZ, le=FASTEST_HZ, description="samples a second")] = RATE_HZ
    count: Annotated[int, Meta(ge=1, le=200, description="how many")] = 1
    sensor: Annotated[Sensor, Meta(description="what is wrong with its sensors; below")] = Sensor()
    network: Annotated[Conditions, Meta(description="what lies between it and the broker; below")] = Conditions()


class Protocol(Struct, frozen=True, forbid_unknown_fields=True):
    """What a clinician allows."""

    knee_deg: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=160)], Annotated[float, Meta(ge=0, le=160)]],
        Meta(description="from and to which knee flexion they may press"),
    ]
    load_kg: Annotated[float, Meta(gt=0, le=1500, description="the most they may press")]
    days: Annotated[int, Meta(ge=1, le=730, description="for how many days from the start it holds")] = 42


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who comes once. What the file does not say is drawn from the seed."""

    machine: Annotated[int, Meta(ge=1, description="the number of their machine")]
    after_s: Annotated[
        float, Meta(ge=0, le=14_400, description="from the start, or from when the one before them has left")
    ] = 40.0
    count: Annotated[int, Meta(ge=1, le=100, description="so many of them, one after another")] = 1
    temper: Annotated[
        Temper,
        Meta(
            description="`steady`; `deep-when-tired`, past the limit late in a set; or `overkeen`, today 2.4 times "
            "the best of their last 30 days"
        ),
    ] = "steady"
    obeys: Annotated[bool, Meta(description="whether they turn at the machine's light")] | None = None
    sex: Annotated[Sex, Meta(description="")] | None = None
    height_mm: Annotated[float, Meta(ge=1200, le=2300, description="")] | None = None
    one_rm_kg: (
        Annotated[float, Meta(ge=20, le=800, description="what they press once on a 45° incline press")] | None
    ) = None
    knee_deg: Annotated[float, Meta(ge=40, le=130, description="how far they bend the knee")] | None = None
    spread_mm: Annotated[float, Meta(ge=0, le=60, description="by how much their bottoms vary")] | None = None
    bounces: Annotated[bool, Meta(description="whether they turn without a pause below")] | None = None
    share_of_1rm: Annotated[float, Meta(ge=0.2, le=0.92, description="of their work sets")] | None = None
    reserve: (
        Annotated[float, Meta(ge=0.3, le=0.98, description="the share of the reps they could do that they do")] | None
    ) = None
    sets: Annotated[int, Meta(ge=1, le=20, description="work sets of a usual session")] | None = None
    rest_s: Annotated[float, Meta(ge=10, le=600, description="between sets")] | None = None
    rhythm_days: (
        Annotated[
            tuple[Annotated[int, Meta(ge=1, le=60)], ...],
            Meta(min_length=1, max_length=14, description="days from one session to the next, over and over"),
        ]
        | None
    ) = None
    kept: Annotated[float, Meta(ge=0.2, le=1, description="the share of these sessions that they come to")] = 1.0
    weeks: Annotated[
        float, Meta(ge=0, le=260, description="how long they have trained, as history sent before; 0: they are new")
    ] = 8.0
    off_days: Annotated[
        int, Meta(ge=0, le=365, description="how long they have been away today; 0: they come in their rhythm")
    ] = 0
    growth_pct_a_week: Annotated[float, Meta(ge=-2, le=5, description="of their 1RM")] | None = None
    work_of_best: (
        Annotated[
            float,
            Meta(gt=0, le=4, description="today's work as a share of the best of their last 90 days; else as usual"),
        ]
        | None
    ) = None
    sets_today: Annotated[int, Meta(ge=1, le=30, description="work sets today")] | None = None
    load_today: (
        Annotated[float, Meta(ge=0.3, le=2, description="today's load over their usual one; with `sets_today` only")]
        | None
    ) = None
    calibrated: Annotated[bool, Meta(description="whether a trainer has set their depth limit")] = True
    badge: Annotated[
        Literal["own", "shared", "none"],
        Meta(description="`shared`: a friend's sets alternate with theirs on it; `none`: nobody knows who they are"),
    ] = "own"
    protocol: Annotated[Protocol, Meta(description="what a clinician allows them; below")] | None = None
    feels_back: Annotated[bool, Meta(description="whether their back hurts when they went too deep")] | None = None


class Crowd(Struct, frozen=True, forbid_unknown_fields=True):
    """People who come and go, at every machine, as long as the scenario lasts; instead of `[[people]]`."""

    pause_s: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=14_400)], Annotated[float, Meta(ge=0, le=14_400)]],
        Meta(description="between one who leaves and the next, from and to"),
    ] = (40.0, 240.0)
    overkeen: Annotated[Share, Meta(description="the share of them who do far too much")] = 0.01
    deep_when_tired: Annotated[Share, Meta(description="the share of them who go past their limit")] = 0.04
    weeks: Annotated[float, Meta(ge=0, le=260, description="how long they have trained")] = 8.0


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario."""

    summary: Annotated[
        str, Meta(min_length=1, max_length=120, description="what happens, in one line: `--list` shows it")
    ]
    span_min: Annotated[int, Meta(ge=1, le=240, description="no event lies later than so many minutes after the start")]
    gyms: Annotated[tuple[Gym, ...], Meta(min_length=1, max_length=200)]
    machines: Annotated[tuple[Machines, ...], Meta(min_length=1)]
    people: tuple[Person, ...] = ()
    crowd: Crowd | None = None

    @property
    def machines_each(self) -> int:
        """How many machines a gym has."""
        return sum(kind.count for kind in self.machines)
