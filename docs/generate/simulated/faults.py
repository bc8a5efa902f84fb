"""What sensors make of one and the same two reps when something is wrong with them."""

from typing import Any, Final, NamedTuple

import numpy as np

from drawing import ACCENT, WIDTH, Picture, Spec, axis
from simulated.people import PEOPLE, SEED, Numbers, session
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork

_LASTS_S: Final = 7.0
_EVERY: Final = 3


class Fault(NamedTuple):
    """A way to be wrong. words: above its picture."""

    words: str
    sensor: Sensor


FAULTS: Final = (
    Fault("as usual: noise 0.3 mm, steps 0.5 mm", Sensor()),
    Fault("noise 6 mm", Sensor(noise_mm=6.0)),
    Fault("steps of 25 mm", Sensor(step_mm=25.0)),
    Fault("a third of the samples missing", Sensor(dropout=0.33)),
    Fault("stuck from 2.0 to 3.5 s", Sensor(stuck=((2.0, 3.5),))),
    Fault("blind from 2.0 to 3.0 s", Sensor(blind=((2.0, 3.0),))),
    Fault("slips 60 mm at 3.4 s", Sensor(slip_mm_at=((3.4, 60.0),))),
    Fault("samples off their moment by 30 %", Sensor(sample_jitter=0.3)),
)
_SLOW: Final = (
    Fault("zero drifts 30 mm an hour", Sensor(drift_mm_per_h=30.0)),
    Fault("load cell off by 4 kg, noise 1 kg", Sensor(load_offset_kg=4.0, load_noise_kg=1.0)),
)


def _two_reps() -> Numbers:
    """The true depth of two reps, from a moment before."""
    person = next(one for one in PEOPLE if not one.bounces)
    seen = session(person, INCLINE)
    first = next(rep for rep in seen.reps if rep.set == 2)
    from_sample = int((first.start_s - 0.3) * INCLINE.rate_hz)
    return seen.depth_mm[from_sample : from_sample + int(_LASTS_S * INCLINE.rate_hz)]


def _read(fault: Fault, true_mm: Numbers) -> Numbers:
    at_work = SensorAtWork(fault.sensor, (SEED, 1))
    t_s = np.arange(len(true_mm)) / INCLINE.rate_hz
    # What is read off its moment is where the sled is then.
    moments_s = at_work.moments_s(t_s, 1.0 / INCLINE.rate_hz)
    return at_work.read(t_s, np.interp(moments_s, t_s, true_mm), 120.0).depth_mm


def _cells() -> list[Spec]:
    true_mm = _two_reps()
    at_s = (np.arange(len(true_mm)) / INCLINE.rate_hz)[::_EVERY]
    cells: list[Spec] = []
    for at, fault in enumerate(FAULTS):
        read_mm = _read(fault, true_mm)[::_EVERY]
        both = [
            {"s": round(s, 2), "true": round(a, 1), "read": None if np.isnan(b) else round(b, 1)}
            for s, a, b in zip(at_s.tolist(), true_mm[::_EVERY].tolist(), read_mm.tolist(), strict=True)
        ]
        left, bottom = at % 2 == 0, at >= len(FAULTS) - 2
        x: Spec = {
            "field": "s",
            "type": "quantitative",
            "scale": {"domain": [0, _LASTS_S], "nice": False},
            "axis": axis("seconds", tickCount=7) if bottom else None,
        }
        y: Spec = {
            "type": "quantitative",
            "scale": {"domain": [-20, 380], "reverse": True, "nice": False},
            "axis": axis(None, grid=True, values=[0, 100, 200, 300], labels=left),
        }
        cells.append(
            {
                "title": {"text": fault.words, "fontSize": 11, "fontWeight": "normal", "offset": 4},
                "width": (WIDTH - 70) // 2,
                "height": 80,
                "data": {"values": both},
                "layer": [
                    {
                        "mark": {"type": "line", "color": "#c9c8c2", "strokeWidth": 3},
                        "encoding": {"x": x, "y": {**y, "field": "true"}},
                    },
                    {
                        "mark": {"type": "line", "color": ACCENT, "strokeWidth": 1.2},
                        "encoding": {"x": x, "y": {**y, "field": "read"}},
                    },
                ],
            }
        )
    return cells


def _slow() -> list[Spec]:
    """What shows over minutes: how far a reading is off, the sled at rest on 120 kg."""
    t_s = np.arange(0.0, 1_800.0, 0.5)
    cells: list[Spec] = []
    for fault in _SLOW:
        seen = SensorAtWork(fault.sensor, (SEED, 2)).read(t_s, np.zeros(len(t_s)), 120.0)
        off = seen.load_kg - 120.0 if fault.sensor.load_offset_kg else seen.depth_mm
        values: list[dict[str, Any]] = [
            {"min": round(s / 60.0, 2), "off": round(o, 1)}
            for s, o in zip(t_s[::24].tolist(), off[::24].tolist(), strict=True)
            if not np.isnan(o)
        ]
        unit = "kg" if fault.sensor.load_offset_kg else "mm"
        cells.append(
            {
                "title": {"text": fault.words, "fontSize": 11, "fontWeight": "normal", "offset": 4},
                "width": (WIDTH - 70) // 2,
                "height": 70,
                "data": {"values": values},
                "layer": [
                    {
                        "data": {"values": [{"y": 0}]},
                        "mark": {"type": "rule", "color": "#c9c8c2", "strokeWidth": 3},
                        "encoding": {"y": {"field": "y", "type": "quantitative"}},
                    },
                    {
                        "mark": {"type": "line", "color": ACCENT, "strokeWidth": 1.2},
                        "encoding": {
                            "x": {
                                "field": "min",
                                "type": "quantitative",
                                "scale": {"domain": [0, 30], "nice": False},
                                "axis": axis("minutes", tickCount=4),
                            },
                            "y": {
                                "field": "off",
                                "type": "quantitative",
                                "axis": axis(None, grid=True, tickCount=4, labelExpr=f"datum.label + ' {unit}'"),
                            },
                        },
                    },
                ],
            }
        )
    return cells


def picture() -> Picture:
    """Small multiples: what was read over what is true."""
    cells = _cells()
    pairs: list[Spec] = [{"hconcat": cells[at : at + 2], "spacing": 18} for at in range(0, len(cells), 2)]
    spec = {"vconcat": [*pairs, {"hconcat": _slow(), "spacing": 14}], "spacing": 12}
    return Picture(
        "simulated-faults", "Two reps as eight encoders read them, and two slow faults over half an hour", spec
    )
