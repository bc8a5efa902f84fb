"""Mean propulsive velocity by load, as sledwatch measures it, beside the published table."""

import math
from dataclasses import replace
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np

from drawing import ACCENT, ALERT, INK, QUIET, SOFT, WIDTH, Picture, Spec, axis, looks, rows
from simulated.people import PEOPLE, SEED, quantiles, rounded
from simulated.published import VELOCITY_AT_1RM_M_S, VELOCITY_ERROR_M_S
from sledwatch.machine import MachineSpec
from sledwatch.reps import find_reps, measure
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.equipment.travel import Pen
from sledwatch_sim.people import LOAD_PCT, VELOCITY_M_S, Lifter, PlannedSet, shortest_push_s
from sledwatch_sim.performing import pressed

LOADS_PCT: Final = tuple(range(40, 101, 5))
_SHOWN: Final = 12


class Push(NamedTuple):
    """A push as it was measured, at a share of the 1RM in per cent. trained: in a work set, not as fast as they can."""

    pct: float
    propulsive_m_s: float
    trained: bool


def _push(person: Lifter, pct: float) -> float:
    """Mean propulsive velocity of a single rep, as sledwatch measures it."""
    setup = person.setup(INCLINE)
    rng = np.random.default_rng([SEED, person.number, round(pct)])
    load_kg = pct / 100.0 * person.one_rm_n / INCLINE.newtons_per_kg(setup)
    stroke = person.stroke(INCLINE, PlannedSet(load_kg, 1, 60.0, pct / 100.0, 1.0), 0.0, 0, 10.0, None, rng)
    pen = Pen(INCLINE.rate_hz)
    depth_mm = np.concatenate([pen.hold(10.0, 2.0), *pressed(pen, stroke, rng), pen.hold(stroke.end_mm, 2.0)])
    t_us, loads = np.arange(len(depth_mm)) * INCLINE.dt_us, np.full(len(depth_mm), load_kg)
    (rep,) = measure(t_us, depth_mm, loads, find_reps(t_us, depth_mm, loads), MachineSpec.of(INCLINE.online, setup))
    return rep.mean_propulsive_velocity_m_s or math.nan


@cache
def pushes() -> list[Push]:
    """Everybody shown pushes once at each load as fast as they can, and once at their usual load as they usually do."""
    people = [person for person in PEOPLE if not person.bounces]
    fast = [
        Push(pct, _push(replace(person, intent=1.0), pct), False) for person in people[:_SHOWN] for pct in LOADS_PCT
    ]
    return fast + [
        Push(100.0 * person.share_of_1rm, _push(person, 100.0 * person.share_of_1rm), True)
        for person in people[: 5 * _SHOWN]
    ]


def stoppable_m_s(share: float) -> float:
    """The mean velocity that gravity can just stop, over the travel of people: a quantile."""
    travel_m = np.array([person.habit_mm(INCLINE) - 11.0 for person in PEOPLE]) / 1_000.0
    return quantiles(travel_m / shortest_push_s(INCLINE, travel_m), share)[0]


def picture() -> Picture:
    """Published line and band, the pushes, and what legs that cannot pull can stop."""
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [38, 102], "nice": False},
        "axis": axis("load, % of the 1RM", values=list(range(40, 101, 10))),
    }
    y: Spec = {
        "type": "quantitative",
        "scale": {"domain": [0, 1.4], "nice": False},
        "axis": axis(None, grid=True, tickCount=7),
    }
    loads = [pct for pct in LOAD_PCT.tolist() if pct >= LOADS_PCT[0]]
    table = VELOCITY_M_S[-len(loads) :]
    band = rows(
        x=loads, low=rounded(table - VELOCITY_ERROR_M_S, 3), y=rounded(table, 3),
        high=rounded(table + VELOCITY_ERROR_M_S, 3),
    )  # fmt: skip
    kinds = {False: "simulated, as fast as they can", True: "simulated, in a work set"}
    dots = [{"x": round(one.pct, 1), "y": round(one.propulsive_m_s, 3), "kind": kinds[one.trained]} for one in pushes()]
    at_1rm = VELOCITY_AT_1RM_M_S
    ceiling = [{"low": round(stoppable_m_s(0.5), 3), "high": y["scale"]["domain"][1]}]
    words: list[dict[str, Any]] = [
        {"x": 69, "y": 0.93, "text": "published: athletes,"},
        {"x": 69, "y": 0.87, "text": "as fast as they can"},
        {"x": 39, "y": 0.76, "text": "over this travel a minimum-jerk"},
        {"x": 39, "y": 0.7, "text": "push as fast as this would fly"},
    ]
    spec = {
        "title": "Mean propulsive velocity, m/s",
        "width": WIDTH - 50,
        "height": 300,
        "layer": [
            {
                "data": {"values": ceiling},
                "mark": {"type": "rect", "color": "#f1f0ec"},
                "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": band},
                "layer": [
                    {
                        "mark": {"type": "area", "color": SOFT},
                        "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
                    },
                    {
                        "mark": {"type": "line", "color": QUIET, "strokeWidth": 2},
                        "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}},
                    },
                ],
            },
            {
                "data": {"values": dots},
                "mark": {"type": "point", "filled": True, "size": 18, "opacity": 0.85},
                "encoding": {
                    "x": {**x, "field": "x"},
                    "y": {**y, "field": "y"},
                    **looks("kind", list(kinds.values()), (INK, ACCENT), ("circle", "triangle-up"), at=(215, 4)),
                },
            },
            {
                "data": {"values": [{"x": 100, "low": at_1rm[0] - at_1rm[1], "y": at_1rm[0], "high": sum(at_1rm)}]},
                "layer": [
                    {
                        "mark": {"type": "rule", "color": ALERT, "strokeWidth": 2},
                        "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
                    },
                    {
                        "mark": {"type": "point", "color": ALERT, "fill": "white", "shape": "diamond", "size": 60},
                        "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}},
                    },
                ],
            },
            {
                "data": {"values": words},
                "mark": {"type": "text", "align": "left", "fontSize": 11, "color": "#565d64"},
                "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "text"}},
            },
        ],
    }
    return Picture("simulated-velocity", "Velocity of simulated pushes by load, beside the published table", spec)
