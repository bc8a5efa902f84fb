"""Both sets: where reps start, turn and end, the limit and what is past it, and the velocity that is lost."""

from typing import Any, Final

import numpy as np

from drawing import ACCENT, ALERT, INK, MUTED, QUIET, SOFT, WARN, WARN_SOFT, WIDTH, Picture, Spec, axis, looks
from measured.press import LIMIT, measured

_FROM_S: Final = 6.0
_TO_S: Final = 30.0
_WIDE: Final = WIDTH - 55


def _x(to_s: float, from_s: float = 0.0, **more: Any) -> Spec:
    return {
        "field": "s",
        "type": "quantitative",
        "scale": {"domain": [from_s, to_s], "nice": False},
        "axis": axis(**more) if more else None,
    }


def _y(low: float, high: float, **more: Any) -> Spec:
    return {
        "field": "mm",
        "type": "quantitative",
        "scale": {"domain": [low, high], "reverse": True, "nice": False},
        "axis": axis(grid=True, **more),
    }


def _curve(from_s: float, to_s: float, every: int) -> list[dict[str, Any]]:
    seen = measured()
    here = seen.here(from_s, to_s)
    return [
        {"s": round(s, 2), "mm": None if np.isnan(mm) else round(mm, 1)}
        for s, mm in zip(seen.at_s[here][::every].tolist(), seen.depth_mm[here][::every].tolist(), strict=True)
    ]


def _text(values: list[dict[str, Any]], x: Spec, y: Spec, **mark: Any) -> Spec:
    return {
        "data": {"values": values},
        "mark": {"type": "text", "fontSize": 11, "color": MUTED, **mark},
        "encoding": {"x": x, "y": y, "text": {"field": "text"}},
    }


def _line(values: list[dict[str, Any]], x: Spec, y: Spec) -> Spec:
    return {
        "data": {"values": values},
        "mark": {"type": "line", "color": INK, "strokeWidth": 1.2},
        "encoding": {"x": x, "y": y},
    }


def _sets() -> Spec:
    """The whole time, with the two sets and the rest that parts them."""
    seen = measured()
    x, y = _x(float(seen.at_s[-1]), title="seconds", tickCount=8), _y(-60, 400, tickCount=4)
    number: dict[int, list[int]] = {1: [], 2: []}
    for index, span in enumerate(seen.spans):
        number[span.set].append(index)
    bounds = {of: (seen.phases_s(reps[0])[0], seen.phases_s(reps[-1])[3]) for of, reps in number.items()}
    spans: list[dict[str, Any]] = [
        {"s": round(a, 2), "to": round(b, 2), "middle": round((a + b) / 2.0, 2), "text": f"set {of}"}
        for of, (a, b) in bounds.items()
    ]
    rest = {"s": round(bounds[1][1], 2), "to": round(bounds[2][0], 2)}
    middle_s = round((rest["s"] + rest["to"]) / 2.0, 2)
    return {
        "title": "Both sets: more than 30 s without a rep end one",
        "width": _WIDE,
        "height": 80,
        "layer": [
            {
                "data": {"values": spans},
                "mark": {"type": "rect", "color": SOFT},
                "encoding": {"x": x, "x2": {"field": "to"}},
            },
            _line(_curve(0.0, 1e9, 6), x, y),
            _text([{"s": one["middle"], "mm": -38, "text": one["text"]} for one in spans], x, y),
            _text([{"s": middle_s, "mm": 190, "text": f"{rest['to'] - rest['s']:.1f} s"}], x, y),
            {
                "data": {"values": [{**rest, "mm": 240}]},
                "mark": {"type": "rule", "color": MUTED},
                "encoding": {"x": x, "x2": {"field": "to"}, "y": y},
            },
        ],
    }


def _marks() -> list[dict[str, Any]]:
    """Start, turn and end of each rep, where they lie on the curve."""
    seen = measured()
    found = []
    for rep, span in enumerate(seen.spans):
        if span.set != 1:
            continue
        start, _, _, end = seen.phases_s(rep)
        for kind, s in (("start", start), ("turn", span.turn_us / 1e6), ("end", end)):
            mm = span.bottom_mm if kind == "turn" else float(np.interp(s, seen.at_s, seen.filtered_mm))
            found.append({"s": round(s, 2), "mm": round(mm, 1), "kind": kind})
    return found


def _depths() -> Spec:
    """The first set: its reps, the movement that is none, the limit."""
    seen = measured()
    x, y = _x(_TO_S, _FROM_S, title="seconds", tickCount=8), _y(-40, 395, values=[0, 100, 200, 300])
    first = [(rep, span) for rep, span in enumerate(seen.spans) if span.set == 1]
    over = [(seen.told[rep].over_mm, span) for rep, span in first if seen.told[rep].over_mm]
    named = [{"s": round(span.turn_us / 1e6, 2), "mm": -25, "text": str(span.rep)} for _, span in first]
    past = [
        {"s": round(span.turn_us / 1e6, 2), "mm": round(span.bottom_mm + 28.0, 1), "text": f"+{past_mm:.1f}"}
        for past_mm, span in over
    ]
    kinds = ("start", "turn", "end")
    return {
        "title": "Set 1: depth, mm",
        "width": _WIDE,
        "height": 230,
        "layer": [
            {
                "data": {"values": [{"mm": LIMIT.caution_mm, "to": LIMIT.limit_mm}]},
                "mark": {"type": "rect", "color": WARN_SOFT},
                "encoding": {"y": y, "y2": {"field": "to"}},
            },
            {
                "data": {"values": [{"mm": LIMIT.limit_mm}]},
                "mark": {"type": "rule", "color": ALERT, "strokeWidth": 1.5},
                "encoding": {"y": y},
            },
            _line(_curve(_FROM_S, _TO_S, 2), x, y),
            {
                "data": {"values": _marks()},
                "mark": {"type": "point", "filled": True, "size": 46, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": y,
                    **looks("kind", kinds, (ACCENT, INK, WARN), ("circle", "triangle-down", "square"), at=(218, 108)),
                },
            },
            _text(named, x, y, fontWeight="bold", color=INK, fontSize=12),
            _text(past, x, y, color=ALERT, fontWeight="bold"),
            _text([{"s": 19.0, "mm": 110, "text": "75 mm:"}, {"s": 19.0, "mm": 132, "text": "no rep"}], x, y),
            _text(
                [{"s": 6.1, "mm": LIMIT.limit_mm + 18.0, "text": f"limit {LIMIT.limit_mm:.0f}, caution 20 before it"}],
                x,
                y,
                align="left",
                color=ALERT,
            ),
        ],
    }


def _velocities() -> Spec:
    """Mean velocity of each rep of the first set, and how much less than the best."""
    seen = measured()
    values = [
        {
            "rep": span.rep,
            "mv": round(one.mean_velocity_m_s or 0.0, 3),
            "mpv": round(one.mean_propulsive_velocity_m_s or 0.0, 3),
            "loss": f"−{one.velocity_loss_pct:.0f} %" if one.velocity_loss_pct else "best so far",
        }
        for span, one in zip(seen.spans, seen.reps, strict=True)
        if span.set == 1
    ]
    x: Spec = {"field": "rep", "type": "ordinal", "axis": axis("rep", labelAngle=0)}
    y: Spec = {
        "field": "mv",
        "type": "quantitative",
        "scale": {"domain": [0, 1.0], "nice": False},
        "axis": axis(None, grid=True, tickCount=5),
    }
    return {
        "title": "Mean velocity, m/s, and its loss; diamond: mean propulsive velocity",
        "width": _WIDE,
        "height": 120,
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "bar", "color": QUIET, "width": 30}, "encoding": {"x": x, "y": y}},
            {
                "mark": {"type": "point", "shape": "diamond", "size": 60, "color": INK, "fill": "white"},
                "encoding": {"x": x, "y": {**y, "field": "mpv"}},
            },
            {
                "mark": {"type": "text", "dy": -12, "fontSize": 11, "color": INK},
                "encoding": {"x": x, "y": {**y, "field": "mpv"}, "text": {"field": "loss"}},
            },
        ],
    }


def picture() -> Picture:
    """Three pictures below each other."""
    spec = {
        "vconcat": [_sets(), _depths(), _velocities()],
        "spacing": 16,
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
    }
    return Picture("one-set", "Two sets in time, the first with its reps, limit and velocities", spec)
