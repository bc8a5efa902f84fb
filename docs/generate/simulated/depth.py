"""How deep people go: travel, knees and hips, beside what the two-link leg and clinical ranges say."""

from math import hypot
from typing import Final

import numpy as np

from drawing import ACCENT, ALERT, INK, MUTED, QUIET, WIDTH, Picture, Spec, axis, looks
from simulated.people import PEOPLE, quantiles, rounded
from simulated.published import HIPS_DEG
from sledwatch.events import Setup
from sledwatch.machine import ANGLE_ERROR_DEG, MachineSpec, joint_angles
from sledwatch_sim.equipment.models import INCLINE, MODELS, Press
from sledwatch_sim.people import Lifter

KNEES_DEG: Final = (80, 90, 100, 110)
_SHOWN: Final = 120
_HEIGHTS_MM: Final = np.arange(1_500.0, 2_001.0, 50.0)
# The legs as the reference of SCIENCE has them at the rack, whatever the machine says of its reach.
_REFERENCE: Final = MachineSpec("incline", 45.0, 30.0, 2_000.0, 50.0)


def hip_deg(person: Lifter, press: Press, travel_mm: float) -> float:
    """Trunk-referenced hip flexion at a depth, with this person's own legs."""
    a, b = person.femur_mm, person.shank_mm
    d = press.reach_mm(person.setup(press).notch) - person.ankle_mm - travel_mm
    thigh_deg = float(np.degrees(np.arccos((a * a + d * d - b * b) / (2.0 * a * d))))
    return press.online.rail_deg + press.online.backrest_deg + thigh_deg


def knee_deg(person: Lifter, press: Press, travel_mm: float) -> float:
    """Knee flexion at a depth, with this person's own legs."""
    a, b = person.femur_mm, person.shank_mm
    d = press.reach_mm(person.setup(press).notch) - person.ankle_mm - travel_mm
    return 180.0 - float(np.degrees(np.arccos((a * a + b * b - d * d) / (2.0 * a * b))))


def sex(person: Lifter) -> str:
    """In the words of the pictures."""
    return {"male": "men", "female": "women"}[person.sex]


def furthest_deg(of: str) -> float:
    """Where the estimated limit begins to say that nearly nobody's hip goes so far: mean and two spreads of all."""
    mean_deg, spread_deg = HIPS_DEG[of]
    return mean_deg + 2.0 * hypot(spread_deg, ANGLE_ERROR_DEG)


def _travel_mm(height_mm: float, flexion_deg: float) -> float:
    """Travel from the reference extension to a knee angle, by bisection of `joint_angles`."""
    low_mm, high_mm = 0.0, 0.4 * height_mm
    for _ in range(40):
        middle_mm = (low_mm + high_mm) / 2.0
        angles = joint_angles(_REFERENCE, Setup(30.0, 0, 2), height_mm, middle_mm)
        if angles is not None and angles.knee_deg < flexion_deg:
            low_mm = middle_mm
        else:
            high_mm = middle_mm
    return low_mm


def picture() -> Picture:
    """Travel by height with the lines of the two-link leg; hips by model of press with clinical ranges."""
    x: Spec = {
        "field": "cm",
        "type": "quantitative",
        "scale": {"domain": [150, 202], "nice": False},
        "axis": axis("height, cm", tickCount=6),
    }
    y: Spec = {
        "field": "mm",
        "type": "quantitative",
        "scale": {"domain": [120, 440], "reverse": True, "nice": False},
        "axis": axis(None, grid=True, tickCount=6),
    }
    lines = [
        {"cm": round(height / 10.0), "mm": round(_travel_mm(height, knee), 1), "knee": f"{knee}°"}
        for knee in KNEES_DEG
        for height in _HEIGHTS_MM.tolist()
    ]
    dots = [
        {"cm": round(one.height_mm / 10.0), "mm": round(one.habit_mm(INCLINE), 1), "sex": sex(one)}
        for one in PEOPLE[:_SHOWN]
    ]
    travel = {
        "title": "Usual travel, mm from the rack; lines: knee flexion by the two-link leg",
        "width": WIDTH - 85,
        "height": 220,
        "layer": [
            {
                "data": {"values": lines},
                "mark": {"type": "line", "color": QUIET, "strokeWidth": 1.5},
                "encoding": {"x": x, "y": y, "detail": {"field": "knee"}},
            },
            {
                "data": {"values": [row for row in lines if row["cm"] == 200]},
                "mark": {"type": "text", "align": "left", "dx": 4, "color": MUTED, "fontSize": 11},
                "encoding": {"x": x, "y": y, "text": {"field": "knee"}},
            },
            {
                "data": {"values": dots},
                "mark": {"type": "point", "filled": True, "size": 22, "opacity": 0.8},
                "encoding": {
                    "x": x,
                    "y": y,
                    **looks("sex", ("women", "men"), (ACCENT, INK), ("circle", "triangle-up"), at=(8, 170)),
                },
            },
        ],
    }
    bars, ends = [], []
    for name, press in MODELS.items():
        for of in HIPS_DEG:
            flexed = [hip_deg(one, press, one.habit_mm(press)) for one in PEOPLE if sex(one) == of]
            low, middle, high = rounded(quantiles(flexed, 0.05, 0.5, 0.95), 1)
            bars.append({"press": name, "sex": of, "low": low, "median": middle, "high": high})
            ends.append({"press": name, "sex": of, "deg": round(furthest_deg(of), 1), "mean": HIPS_DEG[of][0]})
    degrees: Spec = {
        "type": "quantitative",
        "scale": {"domain": [50, 150], "nice": False},
        "axis": axis("degrees", grid=True, tickCount=6),
    }
    where: Spec = {"field": "press", "type": "nominal", "sort": list(MODELS), "axis": axis(None)}
    beside: Spec = {"field": "sex", "sort": list(HIPS_DEG)}
    hips = {
        "title": {
            "text": "Hip flexion at the bottom, by model of press: men above, women below",
            "subtitle": "diamond: mean of clinical passive flexion; red: its far end, the model's error included",
        },
        "width": WIDTH - 85,
        "height": {"step": 13},
        "layer": [
            {
                "data": {"values": bars},
                "mark": {"type": "bar", "height": 7, "color": ACCENT},
                "encoding": {
                    "y": where,
                    "yOffset": beside,
                    "x": {**degrees, "field": "low"},
                    "x2": {"field": "high"},
                },
            },
            {
                "data": {"values": ends},
                "mark": {"type": "point", "shape": "diamond", "size": 36, "color": INK, "fill": "white"},
                "encoding": {"y": where, "yOffset": beside, "x": {**degrees, "field": "mean"}},
            },
            {
                "data": {"values": ends},
                "mark": {"type": "tick", "thickness": 2, "height": 11, "color": ALERT},
                "encoding": {"y": where, "yOffset": beside, "x": {**degrees, "field": "deg"}},
            },
        ],
    }
    spec = {"vconcat": [travel, hips], "spacing": 24}
    return Picture("simulated-depth", "Travel of simulated people by height, and how far it bends their hips", spec)
