"""Work: the area below force over travel."""

from typing import Any

from drawing import INK, MUTED, QUIET, WARN_SOFT, WIDTH, Picture, Spec, axis
from measured.press import LOAD_KG, PAUSED, SPEC, measured
from sledwatch.machine import force_n


def picture() -> Picture:
    """Of the rep with a pause."""
    seen = measured()
    _, _, up, end = seen.phases_s(PAUSED)
    here = seen.here(up, end)
    force = force_n(SPEC, LOAD_KG, seen.away_m_s2[here])
    bottom_mm = seen.filtered_mm[here.start]
    values = [
        {"mm": round(mm, 1), "n": round(n)}
        for mm, n in zip((bottom_mm - seen.filtered_mm[here]).tolist(), force.tolist(), strict=True)
    ]
    weight_n = round(force_n(SPEC, LOAD_KG))
    rep = seen.reps[PAUSED]
    x: Spec = {
        "field": "mm",
        "type": "quantitative",
        "scale": {"domain": [0, 300], "nice": False},
        "axis": axis("travel from the bottom, mm", tickCount=6),
    }
    y: Spec = {
        "field": "n",
        "type": "quantitative",
        "scale": {"domain": [0, 1600], "nice": False},
        "axis": axis(grid=True, tickCount=5),
    }
    words: list[dict[str, Any]] = [
        {"mm": 150, "n": 430, "text": f"work {rep.work_j:.0f} J"},
        {"mm": 150, "n": 300, "text": f"{LOAD_KG:g} kg over {rep.rom_mm:.0f} mm"},
    ]
    spec = {
        "title": f"Rep {seen.spans[PAUSED].rep}: force along the rails, N",
        "width": WIDTH - 60,
        "height": 170,
        "layer": [
            {
                "data": {"values": values},
                "mark": {
                    "type": "area",
                    "orient": "vertical",
                    "color": WARN_SOFT,
                    "line": {"color": INK, "strokeWidth": 1.5},
                },
                "encoding": {"x": x, "y": y, "y2": {"datum": 0}},
            },
            {
                "data": {"values": [{"n": weight_n}]},
                "mark": {"type": "rule", "color": QUIET, "strokeWidth": 1.5, "strokeDash": [4, 3]},
                "encoding": {"y": y},
            },
            {
                "data": {"values": [{"mm": 298, "n": weight_n + 70, "text": f"weight along the rails {weight_n}"}]},
                "mark": {"type": "text", "align": "right", "fontSize": 11, "color": MUTED},
                "encoding": {"x": x, "y": y, "text": {"field": "text"}},
            },
            {
                "data": {"values": words},
                "mark": {"type": "text", "fontSize": 12, "color": INK},
                "encoding": {"x": x, "y": y, "text": {"field": "text"}},
            },
        ],
    }
    return Picture("one-set-work", "Force over travel of a concentric phase; the area below is its work", spec)
