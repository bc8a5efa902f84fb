"""How long the phases of reps last, beside published tempos."""

import numpy as np

from drawing import ACCENT, INK, WARN, WARN_SOFT, WIDTH, Picture, Spec, axis
from simulated.people import PEOPLE, STROKES, quantiles, rounded
from simulated.published import MODERATE_S, PACED_S
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.people import LOAD_PCT, VELOCITY_M_S


def durations() -> dict[str, list[float]]:
    """How long phases last, in seconds, over the work sets of everybody."""
    return {
        "down": [stroke.eccentric_s for stroke in STROKES],
        "below": [stroke.dwell_s for stroke in STROKES],
        "up": [stroke.concentric_s for stroke in STROKES],
    }


def full_effort_s() -> float:
    """The same pushes as fast as the published velocities, median."""
    load_pct = np.array([100.0 * person.share_of_1rm for person in PEOPLE])
    fast_m_s = np.interp(load_pct, LOAD_PCT, VELOCITY_M_S)
    rom_m = np.array([person.habit_mm(INCLINE) - 11.0 for person in PEOPLE]) / 1_000.0
    return float(np.median(rom_m / fast_m_s))


def picture() -> Picture:
    """How long phases last, beside published tempos."""
    names = {"down": "down (eccentric)", "below": "below", "up": "up (concentric)"}
    spread = []
    for phase, lasting in durations().items():
        low, q1, median, q3, high = rounded(quantiles(lasting, 0.05, 0.25, 0.5, 0.75, 0.95), 2)
        spread.append({"phase": names[phase], "low": low, "q1": q1, "median": median, "q3": q3, "high": high})
    published = [{"phase": names[phase], "from": MODERATE_S[0], "to": MODERATE_S[1]} for phase in ("down", "up")]
    marks = [
        {"phase": names["up"], "s": round(full_effort_s(), 2), "what": "full effort"},
        {"phase": names["down"], "s": PACED_S, "what": "paced"},
        {"phase": names["up"], "s": PACED_S, "what": "paced"},
    ]
    y = {"field": "phase", "type": "nominal", "sort": list(names.values()), "title": None, "axis": axis(None)}
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [0, 2.6], "nice": False},
        "axis": axis("seconds", grid=True, tickCount=6),
    }
    spec = {
        "width": WIDTH - 130,
        "height": {"step": 46},
        "layer": [
            {
                "data": {"values": published},
                "mark": {"type": "bar", "height": 34, "color": WARN_SOFT, "stroke": WARN, "strokeWidth": 0.5},
                "encoding": {"y": y, "x": {**x, "field": "from"}, "x2": {"field": "to"}},
            },
            {
                "data": {"values": spread},
                "mark": {"type": "rule", "strokeWidth": 2, "color": ACCENT},
                "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "data": {"values": spread},
                "mark": {"type": "bar", "height": 12, "color": ACCENT},
                "encoding": {"y": y, "x": {**x, "field": "q1"}, "x2": {"field": "q3"}},
            },
            {
                "data": {"values": spread},
                "mark": {"type": "tick", "thickness": 2, "height": 12, "color": "white"},
                "encoding": {"y": y, "x": {**x, "field": "median"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "tick", "thickness": 2.5, "height": 34, "color": INK},
                "encoding": {"y": y, "x": {**x, "field": "s"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "text", "dy": -23, "color": INK, "fontSize": 11},
                "encoding": {"y": y, "x": {**x, "field": "s"}, "text": {"field": "what"}},
            },
        ],
    }
    return Picture("simulated-tempo", "How long the phases of simulated reps last, beside published tempos", spec)
