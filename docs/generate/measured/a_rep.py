"""One rep close by: its phases by the velocity rule, and one that is stopped by straight legs, and one that bounces."""

from typing import Any, Final

import numpy as np

from drawing import ACCENT, ALERT, INK, MUTED, SOFT, WARN_SOFT, WIDTH, Picture, Spec, axis
from measured.press import BOUNCED, COASTING_M_S2, LOCKED, PAUSED, measured
from sledwatch.reps import DEFAULTS
from sledwatch.technique import BOUNCE_M_S2

_WIDE: Final = WIDTH - 55


def _x(from_s: float, to_s: float, *, last: bool) -> Spec:
    return {
        "field": "s",
        "type": "quantitative",
        "scale": {"domain": [0.0, round(to_s - from_s, 2)], "nice": False},
        "axis": axis("seconds", tickCount=6) if last else None,
    }


def _y(low: float, high: float, ticks: int, *, reverse: bool = False) -> Spec:
    return {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": [low, high], "reverse": reverse, "nice": False},
        "axis": axis(grid=True, tickCount=ticks),
    }


def _curve(of: Any, from_s: float, to_s: float, decimals: int, x: Spec, y: Spec) -> Spec:
    seen = measured()
    here = seen.here(from_s, to_s)
    values = [
        {"s": round(s - from_s, 3), "y": round(value, decimals)}
        for s, value in zip(seen.at_s[here].tolist(), of[here].tolist(), strict=True)
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "line", "color": INK, "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y},
    }


def _spans(values: list[dict[str, Any]], x: Spec) -> Spec:
    return {
        "data": {"values": values},
        "mark": {"type": "rect"},
        "encoding": {"x": x, "x2": {"field": "to"}, "color": {"field": "colour", "scale": None}},
    }


def _rules(values: list[dict[str, Any]], x: Spec, y: Spec, **mark: Any) -> Spec:
    """Lines across, from s to `to`."""
    return {
        "data": {"values": values},
        "mark": {"type": "rule", "color": ACCENT, "strokeWidth": 1.5, **mark},
        "encoding": {"x": x, "x2": {"field": "to"}, "y": y},
    }


def _text(values: list[dict[str, Any]], x: Spec, y: Spec, **mark: Any) -> Spec:
    return {
        "data": {"values": values},
        "mark": {"type": "text", "fontSize": 11, "color": INK, **mark},
        "encoding": {"x": x, "y": y, "text": {"field": "text"}},
    }


def _paused() -> list[Spec]:
    """Durations, range of motion, and the rule that decides them."""
    seen = measured()
    start, down, up, end = seen.phases_s(PAUSED)
    span, rep = seen.spans[PAUSED], seen.reps[PAUSED]
    from_s, to_s = start - 0.5, end + 0.5
    phases: list[dict[str, Any]] = [
        {"s": round(a - from_s, 3), "to": round(b - from_s, 3), "colour": colour}
        for a, b, colour in ((start, down, SOFT), (down, up, "#e4e3de"), (up, end, WARN_SOFT))
    ]
    x, y = _x(from_s, to_s, last=False), _y(-20, 385, 4, reverse=True)
    words = ("eccentric", "bottom dwell", "concentric")
    lasting = (rep.eccentric_s, rep.bottom_dwell_s, rep.concentric_s)
    titles: list[dict[str, Any]] = [
        {"s": round((one["s"] + one["to"]) / 2.0, 3), "y": at, "text": text}
        for one, word, lasts in zip(phases, words, lasting, strict=True)
        for at, text in ((345, word), (370, f"{lasts:.2f} s"))
    ]
    end_mm = span.bottom_mm - rep.rom_mm
    rom_s = round(end - from_s + 0.12, 3)
    depth = {
        "title": f"Rep {span.rep}, with a pause: depth, mm",
        "width": _WIDE,
        "height": 170,
        "layer": [
            _spans(phases, x),
            _curve(seen.depth_mm, from_s, to_s, 1, x, y),
            {
                "data": {"values": [{"s": rom_s, "y": round(end_mm, 1), "to": round(span.bottom_mm, 1)}]},
                "mark": {"type": "rule", "color": ACCENT, "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "y2": {"field": "to"}},
            },
            _text(
                [{"s": rom_s + 0.03, "y": at, "text": text} for at, text in ((150, "ROM"), (175, f"{rep.rom_mm:.0f}"))],
                x, y, align="left", color=ACCENT,
            ),
            _text(titles, x, y),
        ],
    }  # fmt: skip
    x, y = _x(from_s, to_s, last=True), _y(-0.5, 1.0, 4)
    up_s, end_s = round(up - from_s, 3), round(end - from_s, 3)
    mean, peak = rep.mean_velocity_m_s or 0.0, rep.peak_velocity_m_s or 0.0
    lowered = rep.eccentric_peak_velocity_m_s or 0.0
    edges = [{"s": 0.0, "to": round(to_s - from_s, 2), "y": way * DEFAULTS.speed_m_s} for way in (-1, 1)]
    velocity = {
        "title": f"Its velocity, m/s; a phase lasts while it is above {DEFAULTS.speed_m_s} m/s (dashed)",
        "width": _WIDE,
        "height": 150,
        "layer": [
            _spans(phases, x),
            _rules(edges, x, y, color=MUTED, strokeDash=[3, 3], strokeWidth=1),
            _curve(seen.away_m_s, from_s, to_s, 3, x, y),
            _rules([{"s": up_s, "to": end_s, "y": round(mean, 3)}], x, y, strokeWidth=2),
            _text(
                [
                    {"s": up_s - 0.05, "y": mean, "text": f"mean velocity {mean:.2f}"},
                    {"s": up_s - 0.05, "y": peak, "text": f"peak velocity {peak:.2f}"},
                ],
                x, y, align="right",
            ),
            _text(
                [{"s": titles[0]["s"], "y": round(-lowered - 0.06, 3), "text": f"fastest way down {lowered:.2f}"}], x, y
            ),
        ],
    }  # fmt: skip
    return [depth, velocity]


def _locked() -> list[Spec]:
    """The end of pushing, and lock-out."""
    seen = measured()
    _, _, up, end = seen.phases_s(LOCKED)
    span, rep = seen.spans[LOCKED], seen.reps[LOCKED]
    from_s, to_s = up - 0.15, end + 0.25
    pushed = up + (rep.propulsive_s or 0.0)
    spans: list[dict[str, Any]] = [
        {"s": round(up - from_s, 3), "to": round(pushed - from_s, 3), "colour": WARN_SOFT},
        {"s": round(pushed - from_s, 3), "to": round(end - from_s, 3), "colour": "#e4e3de"},
    ]
    x, y = _x(from_s, to_s, last=False), _y(-0.1, 1.5, 4)
    mean, propulsive = rep.mean_velocity_m_s or 0.0, rep.mean_propulsive_velocity_m_s or 0.0
    locks, peak = rep.lockout_velocity_m_s or 0.0, rep.peak_velocity_m_s or 0.0
    # On the way down from the peak, where the curve is as fast as it was there.
    here = seen.here(up + 0.5 * rep.concentric_s, end)
    lock_s = round(float(np.interp(-locks, -seen.away_m_s[here], seen.at_s[here])) - from_s, 3)
    velocity = {
        "title": f"Rep {span.rep}, stopped by straight legs: velocity, m/s",
        "width": _WIDE,
        "height": 150,
        "layer": [
            _spans(spans, x),
            _curve(seen.away_m_s, from_s, to_s, 3, x, y),
            _rules([{"s": spans[0]["s"], "to": spans[1]["to"], "y": round(mean, 3)}], x, y, strokeWidth=2),
            _rules([{"s": spans[0]["s"], "to": spans[0]["to"], "y": round(propulsive, 3)}], x, y, strokeWidth=2),
            _text(
                [
                    {"s": spans[0]["s"] - 0.01, "y": propulsive, "text": f"propulsive {propulsive:.2f}"},
                    {"s": spans[0]["s"] - 0.01, "y": mean, "text": f"mean {mean:.2f}"},
                    {"s": spans[0]["s"] + 0.14, "y": peak + 0.02, "text": f"peak {peak:.2f}"},
                ],
                x, y, align="right",
            ),
            {
                "data": {"values": [{"s": lock_s, "y": round(locks, 3)}]},
                "mark": {"type": "point", "shape": "diamond", "size": 70, "color": ALERT, "fill": "white"},
                "encoding": {"x": x, "y": y},
            },
            _text([{"s": lock_s + 0.02, "y": round(locks, 3), "text": f"lock-out {locks:.2f}"}], x, y, align="left"),
        ],
    }  # fmt: skip
    x, y = _x(from_s, to_s, last=True), _y(-13, 13, 5)
    level = round(COASTING_M_S2, 2)
    acceleration = {
        "title": f"Its acceleration, m/s²: pushing ends where it falls below {level:.2f} (dashed)".replace("-", "−"),
        "width": _WIDE,
        "height": 110,
        "layer": [
            _spans(spans, x),
            _rules([{"s": 0.0, "to": round(to_s - from_s, 2), "y": level}], x, y, color=MUTED, strokeDash=[3, 3]),
            _curve(seen.away_m_s2, from_s, to_s, 2, x, y),
        ],
    }
    return [velocity, acceleration]


def _bounced() -> Spec:
    """How hard the sled is turned."""
    seen = measured()
    start, _, _, end = seen.phases_s(BOUNCED)
    span, rep = seen.spans[BOUNCED], seen.reps[BOUNCED]
    from_s, to_s = start - 0.2, end + 0.2
    x, y = _x(from_s, to_s, last=True), _y(-6, 13, 5)
    hardest = rep.turn_deceleration_m_s2 or 0.0
    turn_s = round(span.turn_us / 1e6 - from_s, 3)
    return {
        "title": f"Rep {span.rep}, a bounce: acceleration, m/s²; above {BOUNCE_M_S2:.0f} at the turn is told (dashed)",
        "width": _WIDE,
        "height": 110,
        "layer": [
            _rules([{"s": 0.0, "to": round(to_s - from_s, 2), "y": BOUNCE_M_S2}], x, y, color=ALERT, strokeDash=[3, 3]),
            _curve(seen.away_m_s2, from_s, to_s, 2, x, y),
            _text([{"s": turn_s + 0.06, "y": round(hardest + 1.2, 1), "text": f"{hardest:.1f}"}], x, y, align="left"),
        ],
    }


def picture() -> Picture:
    """Five pictures below each other."""
    spec = {"vconcat": [*_paused(), *_locked(), _bounced()], "spacing": 16}
    return Picture(
        "one-set-reps", "A rep with a pause, one that is stopped by straight legs, and one that bounces", spec
    )
