"""What a set takes: velocity on the way to failure, and the depth of those who sink when they tire."""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from drawing import ACCENT, ALERT, INK, MUTED, QUIET, SOFT, WARN_SOFT, WIDTH, Picture, Spec, axis
from simulated.people import PEOPLE, SEED, SETS, Numbers, quantiles
from simulated.published import LOSS_BEGINS
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.people import Lifter, lifter

SHARES: Final = (0.60, 0.65, 0.70, 0.75)
_DONE: Final = np.linspace(0.0, 1.0, 26)
_DEEP: Final = [lifter(SEED, number, "p", "deep-when-tired", obeys=False) for number in range(200)]
_CAUTION_MM: Final = 20.0


def losses_pct(people: list[Lifter]) -> Numbers:
    """Velocity loss at full intent, of everybody at each of the loads, over the share of the possible reps."""
    velocity = np.array([replace(one, intent=1.0).push_m_s(share, _DONE, 0.0) for one in people for share in SHARES])
    loss: Numbers = 100.0 * (1.0 - velocity / velocity[:, :1])
    return loss


def losses_of_sets_pct() -> list[float]:
    """Velocity loss of the last rep of each work set."""
    found = []
    for reps in SETS:
        velocities = [(one.bottom_mm - one.end_mm) / one.concentric_s for one in reps]
        found.append(100.0 * (1.0 - velocities[-1] / max(velocities)))
    return found


def drifts_mm(people: list[Lifter], reps: int) -> Numbers:
    """How deep everybody goes in the last set, against their limit, rep by rep; NaN after their last."""
    found = np.full((len(people), reps), np.nan)
    for row, person in enumerate(people):
        rng = np.random.default_rng([SEED, person.number, 1])
        planned = person.plan(INCLINE, rng)[-1]
        for rep in range(min(reps, planned.reps)):
            stroke = person.stroke(INCLINE, planned, 1.0, rep, 10.0, None, rng)
            found[row, rep] = stroke.bottom_mm - person.limit_mm(INCLINE)
    return found


def _band(values: Numbers, at: list[float], kind: str) -> list[dict[str, Any]]:
    low, middle, high = (np.nanquantile(values, share, axis=0) for share in (0.05, 0.5, 0.95))
    columns = zip(at, low.tolist(), middle.tolist(), high.tolist(), strict=True)
    return [{"x": x, "low": round(a, 1), "y": round(b, 1), "high": round(c, 1), "kind": kind} for x, a, b, c in columns]


def _banded(values: list[dict[str, Any]], x: Spec, y: Spec, kinds: dict[str, tuple[str, str]]) -> list[Spec]:
    """Areas and their medians. kinds: colours of area and line."""
    layers: list[Spec] = []
    for kind, (area, line) in kinds.items():
        of = {"values": [row for row in values if row["kind"] == kind]}
        low: Spec = {"x": {**x, "field": "x"}, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
        layers += [
            {"data": of, "mark": {"type": "area", "color": area, "opacity": 0.8}, "encoding": low},
            {
                "data": of,
                "mark": {"type": "line", "color": line, "strokeWidth": 2},
                "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}},
            },
        ]
    return layers


def _words(values: list[dict[str, Any]], x: Spec, y: Spec, colour: str = MUTED) -> Spec:
    return {
        "data": {"values": values},
        "mark": {"type": "text", "align": "left", "fontSize": 11, "color": colour},
        "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "text"}},
    }


def picture() -> Picture:
    """Velocity loss over a set to failure; depth over the last set of the steady and of those who go too deep."""
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [0, 100], "nice": False},
        "axis": axis("reps done, % of those possible", tickCount=6),
    }
    y: Spec = {
        "type": "quantitative",
        "scale": {"domain": [0, 80], "reverse": True, "nice": False},
        "axis": axis(None, grid=True, values=[0, 20, 40, 60, 80]),
    }
    loss = _band(losses_pct(PEOPLE[:100]), [round(100.0 * share) for share in _DONE.tolist()], "loss")
    velocity = {
        "title": "Velocity loss, %, of sets to failure at full intent, 60 to 75 % of the 1RM",
        "width": WIDTH - 50,
        "height": 170,
        "layer": [
            *_banded(loss, x, y, {"loss": (SOFT, ACCENT)}),
            {
                "data": {"values": [{"x": 100.0 * LOSS_BEGINS}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": INK},
                "encoding": {"x": {**x, "field": "x"}},
            },
            _words(
                [{"x": 100.0 * LOSS_BEGINS + 1.5, "y": 6, "text": "published: significant from here on"}], x, y, INK
            ),
        ],
    }
    last = 9
    reps: Spec = {
        "type": "quantitative",
        "scale": {"domain": [1, last], "nice": False},
        "axis": axis("rep of the last set", tickCount=last),
    }
    over: Spec = {
        "type": "quantitative",
        "scale": {"domain": [-90, 60], "reverse": True, "nice": False},
        "axis": axis(None, grid=True, values=[-80, -60, -40, -20, 0, 20, 40, 60]),
    }
    at = [float(rep) for rep in range(1, last + 1)]
    bands = [
        *_band(drifts_mm(PEOPLE[:200], last), at, "steady"),
        *_band(drifts_mm(_DEEP, last), at, "deep"),
    ]
    depth = {
        "title": "Bottom of each rep, mm beyond the person's own limit",
        "width": WIDTH - 50,
        "height": 170,
        "layer": [
            {
                "data": {"values": [{"low": -_CAUTION_MM, "high": 0}]},
                "mark": {"type": "rect", "color": WARN_SOFT},
                "encoding": {"y": {**over, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": [{"y": 0}]},
                "mark": {"type": "rule", "color": ALERT, "strokeWidth": 1.5},
                "encoding": {"y": {**over, "field": "y"}},
            },
            *_banded(bands, reps, over, {"steady": ("#e4e3de", QUIET), "deep": (SOFT, INK)}),
            _words(
                [
                    {"x": 1.2, "y": -81, "text": "steady people"},
                    {"x": 4.6, "y": 38, "text": "those who sink when they tire"},
                    {"x": 1.2, "y": 9, "text": "limit, and 20 mm of caution before it"},
                ],
                reps,
                over,
            ),
        ],
    }
    spec = {"vconcat": [velocity, depth], "spacing": 24}
    return Picture("simulated-fatigue", "Velocity loss and depth of simulated people over a set", spec)


def at_half_pct() -> float:
    """Median loss where the published one begins to be significant."""
    losses = losses_pct(PEOPLE[:100])
    return float(np.median([np.interp(LOSS_BEGINS, _DONE, row) for row in losses]))


def of_sets_pct() -> list[float]:
    """5 %, median and 95 % of the losses of work sets."""
    return quantiles(losses_of_sets_pct(), 0.05, 0.5, 0.95)
