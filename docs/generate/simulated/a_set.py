"""A work set: depth, velocity and force, its phases, and how long they last."""

from typing import Any

import numpy as np

from drawing import ACCENT, INK, LINE, SOFT, WARN, WARN_SOFT, WIDTH, Picture, Spec, axis, looks, rows
from simulated.people import PEOPLE, Numbers, rounded, session
from simulated.published import MODERATE_S
from sledwatch_sim.equipment.models import INCLINE


def picture() -> Picture:
    """Depth, velocity and force of a work set, its phases, and how long they last."""
    person = next(one for one in PEOPLE if one.intent > 0.62 and not one.bounces and one.sets == 3)
    seen = session(person, INCLINE)
    reps = [rep for rep in seen.reps if rep.set == 3]
    from_s, to_s = reps[0].start_s - 4.0, reps[-1].end_s + 3.0
    here = slice(int(from_s * INCLINE.rate_hz), int(to_s * INCLINE.rate_hz))
    at_s = seen.t_us / 1e6 - from_s
    away_m_s = -np.gradient(seen.depth_mm / 1_000.0, 1.0 / INCLINE.rate_hz)
    force_n = INCLINE.pushed_n(person.setup(INCLINE), reps[0].load_kg, seen.depth_mm, INCLINE.rate_hz)
    every = 3

    def curve(values: Numbers, decimals: int) -> list[dict[str, Any]]:
        return rows(s=rounded(at_s[here][::every], 2), y=rounded(values[here][::every], decimals))

    phases = [
        {"from": round(begin - from_s, 2), "to": round(end - from_s, 2), "phase": phase}
        for rep in reps
        for phase, begin, end in (
            ("down", rep.start_s, rep.start_s + rep.stroke.eccentric_s),
            ("below", rep.start_s + rep.stroke.eccentric_s, rep.turn_s),
            ("up", rep.turn_s, rep.end_s),
        )
    ]
    x = {"field": "s", "type": "quantitative", "scale": {"domain": [0, round(to_s - from_s, 1)], "nice": False}}
    shade = {
        "data": {"values": phases},
        "mark": "rect",
        "encoding": {
            "x": {**x, "field": "from", "axis": None},
            "x2": {"field": "to"},
            "color": {
                "field": "phase",
                "scale": {"domain": ["down", "below", "up"], "range": [SOFT, LINE, WARN_SOFT]},
                "legend": None,
            },
        },
    }

    def panel(title: str, values: list[dict[str, Any]], height: int, scale: Spec, ticks: int, last: bool) -> Spec:
        x_axis = axis("seconds", labels=True) if last else None
        line = {
            "data": {"values": values},
            "mark": {"type": "line", "strokeWidth": 1.4, "color": INK},
            "encoding": {
                "x": {**x, "axis": x_axis},
                "y": {
                    "field": "y",
                    "type": "quantitative",
                    "scale": {"nice": False, "zero": False, **scale},
                    "axis": axis(None, grid=True, tickCount=ticks),
                },
            },
        }
        return {"title": title, "width": WIDTH - 75, "height": height, "layer": [shade, line]}

    tempo = [
        {"s": round((rep.start_s + rep.end_s) / 2.0 - from_s, 2), "y": round(lasts, 2), "phase": phase}
        for rep in reps
        for phase, lasts in (("down", rep.stroke.eccentric_s), ("up", rep.stroke.concentric_s))
    ]
    lasting = {
        "title": "How long each phase lasts, s; ACSM's moderate tempo shaded",
        "width": WIDTH - 75,
        "height": 90,
        "layer": [
            {
                "data": {"values": [{"low": MODERATE_S[0], "high": MODERATE_S[1]}]},
                "mark": {"type": "rect", "color": SOFT},
                "encoding": {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": tempo},
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {
                    "x": {**x, "axis": axis("seconds")},
                    "y": {
                        "field": "y",
                        "type": "quantitative",
                        "scale": {"domain": [0, 2.5], "nice": False},
                        "axis": axis(None, grid=True, tickCount=5),
                    },
                    **looks("phase", ("down", "up"), (ACCENT, WARN), ("triangle-down", "triangle-up"), at=(0, 2)),
                },
            },
        ],
    }
    spec = {
        "vconcat": [
            panel(
                "Depth, mm: blue on the way down, grey below, amber on the way up",
                curve(seen.depth_mm, 1), 130, {"reverse": True}, 4, False,
            ),
            panel("Velocity, m/s, away from the user", curve(away_m_s, 3), 90, {}, 4, False),
            panel("Force of the feet along the rails, N", curve(force_n, 0), 90, {}, 4, False),
            lasting,
        ],
        "spacing": 14,
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
    }  # fmt: skip
    says = (
        f"Depth, velocity and force of a set of {len(reps)} reps with {reps[0].load_kg:g} kg, and the tempo of each rep"
    )
    return Picture("simulated-set", says, spec)
