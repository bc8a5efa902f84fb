"""Charts as data: what was measured → an Altair specification (a dict). Nothing here draws.

Colours of a page are its CSS variables, so that one drawing serves the light and the dark page; a drawing for mail
takes a palette of plain colours.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt

from sledwatch_web import words
from sledwatch_web.api import Json

# What belongs to a set: its reps, and this much before and after, for the sled to be seen coming to rest.
AROUND_SET_US: Final = 2_000_000
# Between the pictures of two sets, in pixels.
PANEL_GAP: Final = 26
# Fewer levels make no picture.
LEAST_LEVELS: Final = 2
SHORT_DAYS: Final = 2.0
FONT: Final = "Helvetica Neue, Arial, Liberation Sans, sans-serif"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a chart, by what they say."""

    ink: str = "var(--ink)"
    muted: str = "var(--ink-2)"
    line: str = "var(--line)"
    surface: str = "var(--surface)"
    accent: str = "var(--accent)"
    quiet: str = "var(--bar)"
    alert: str = "var(--alert)"
    warn: str = "var(--warn)"
    warn_soft: str = "var(--warn-soft)"


PAGE: Final = Palette()


@dataclass(frozen=True, slots=True)
class Bottom:
    """The turning point of a rep: seconds into its panel, depth, and what is to be said (within, over, unsure)."""

    rep: int
    at_s: float
    depth_mm: float
    kind: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The trace of one set (or of a session in which no set was found): seconds from its begin, depths."""

    title: str
    at_s: tuple[float, ...]
    depth_mm: tuple[float | None, ...]
    bottoms: tuple[Bottom, ...]

    @property
    def length_s(self) -> float:
        """How long it lasts."""
        return self.at_s[-1] if self.at_s else 0.0


def panels(trace: Json, reps: Sequence[Json]) -> list[Panel]:
    """Cut a session's trace into its sets; the rests between them are left out.

    trace: columns `t_us` (ascending) and `depth_mm` (None where missing), equally long. reps: the API's, ascending.
    """
    t_us: list[int] = trace["t_us"]
    depth_mm: list[float | None] = trace["depth_mm"]
    if not t_us:
        return []
    sets: dict[int, list[Json]] = {}
    for rep in reps:
        sets.setdefault(rep["set"], []).append(rep)
    if not sets:
        return [_panel("The whole session", t_us, depth_mm, ())]
    found = []
    for number, of_set in sorted(sets.items()):
        first = bisect_left(t_us, of_set[0]["t_start_us"] - AROUND_SET_US)
        last = bisect_right(t_us, of_set[-1]["t_end_us"] + AROUND_SET_US)
        if last > first:
            found.append(_panel(_set_title(number, of_set), t_us[first:last], depth_mm[first:last], of_set))
    return found


def rep_kind(rep: Json) -> str:
    """What is to be said of a rep: over (past the limit), unsure, or within."""
    if rep.get("quality") == "unsure":
        return "unsure"
    return "over" if (rep.get("over_mm") or 0) > 0 else "within"


def depth_trace(
    sets: Sequence[Panel],
    limit_mm: float | None,
    caution_mm: float | None,
    *,
    width: int,
    columns: int,
    palette: Palette = PAGE,
) -> Json:
    """Depth over time, one small picture a set on common scales, with the limit, the caution zone and the bottoms.

    Drawn as the rail lies: the rack above, deep below. width: of the whole, in pixels. Needs at least one panel.
    """
    columns = max(1, min(columns, len(sets)))
    depths = [d for panel in sets for d in panel.depth_mm if d is not None]
    # From the rack (or above it, where the sensor's zero is off) to a little below the deepest.
    domain = [min([0.0, *depths]), max([*depths, limit_mm or 0.0, 100.0]) * 1.08]
    longest_s = max(panel.length_s for panel in sets)
    # The first column carries the axis.
    each = round((width - 74 - (columns - 1) * PANEL_GAP) / columns)
    base = alt.Chart(alt.NamedData(name="samples"))
    x = alt.X("s:Q", title=None, scale=alt.Scale(domain=[0, longest_s], nice=False)).axis(
        grid=False, tickCount=5, labelExpr="datum.label + ' s'", domain=False, ticks=False, labelFlush=True
    )
    y = alt.Y("mm:Q", title=None, scale=alt.Scale(domain=domain, reverse=True, nice=False)).axis(
        **_depth_axis(domain, limit_mm, palette)
    )
    layers: list[alt.Chart] = []
    if limit_mm is not None:
        limit = base.transform_filter("datum.kind == 'limit'")
        layers += [
            limit.mark_rect(color=palette.warn_soft).encode(y=alt.Y("caution:Q"), y2="mm:Q"),
            limit.mark_rule(color=palette.alert, strokeWidth=1.5).encode(y=y),
        ]
    layers.append(
        base.transform_filter("datum.kind == 'trace'")
        .mark_line(color=palette.ink, strokeWidth=1.25, strokeJoin="round")
        .encode(x=x, y=y)
    )
    looks: dict[str, dict[str, Any]] = {
        "within": {"shape": "circle", "size": 36, "fill": palette.accent, "stroke": palette.surface, "strokeWidth": 1},
        "over": {"shape": "triangle-down", "size": 110, "fill": palette.alert, "stroke": palette.surface},
        "unsure": {"shape": "circle", "size": 30, "fill": palette.surface, "stroke": palette.muted},
    }
    layers += [
        base.transform_filter(f"datum.kind == '{kind}'")
        .mark_point(filled=True, opacity=1, **look)
        .encode(x=x, y=y, description="text:N")
        for kind, look in looks.items()
        if any(bottom.kind == kind for panel in sets for bottom in panel.bottoms)
    ]
    title = alt.Facet("set:N", title=None, sort=[panel.title for panel in sets]).header(
        labelAnchor="start", labelFontSize=13, labelFontWeight="bold", labelColor=palette.ink, labelPadding=6
    )
    chart = alt.layer(*layers).properties(width=each, height=150).facet(facet=title, columns=columns, spacing=PANEL_GAP)
    rows = [row for panel in sets for row in _samples(panel, limit_mm, caution_mm)]
    return finished(chart, {"samples": rows}, palette)


def _depth_axis(domain: list[float], limit_mm: float | None, palette: Palette) -> dict[str, Any]:
    """An axis of round depths, with the limit among them in its own colour, and by name."""
    step = 100 if domain[1] <= 500 else 200
    room = (domain[1] - domain[0]) * 0.09
    values: list[float] = list(range(0, int(domain[1]) + 1, step))
    axis: dict[str, Any] = {"domain": False, "ticks": False, "labelExpr": "datum.label + ' mm'"}
    if limit_mm is not None:
        # A round depth that the limit would be written over makes way.
        values = [*(mm for mm in values if abs(mm - limit_mm) > room), limit_mm]
        is_limit = f"abs(datum.value - {limit_mm}) < 0.001"
        axis["labelExpr"] = f"{is_limit} ? 'limit {words.number(limit_mm)}' : datum.label + ' mm'"
        axis["labelColor"] = {"condition": {"test": is_limit, "value": palette.alert}, "value": palette.muted}
        axis["labelFontWeight"] = {"condition": {"test": is_limit, "value": "bold"}, "value": "normal"}
    # Without a count Vega thins even the values that it is given.
    return {**axis, "values": values, "tickCount": len(values)}


def _samples(panel: Panel, limit_mm: float | None, caution_mm: float | None) -> list[dict[str, Any]]:
    """What is drawn of a set, each row with the kind of mark that it becomes."""
    rows: list[dict[str, Any]] = [
        {"set": panel.title, "kind": "trace", "s": s, "mm": d} for s, d in zip(panel.at_s, panel.depth_mm, strict=True)
    ]
    if limit_mm is not None:
        caution = limit_mm if caution_mm is None else caution_mm
        rows.append({"set": panel.title, "kind": "limit", "mm": limit_mm, "caution": caution})
    return rows + [
        {
            "set": panel.title,
            "kind": b.kind,
            "s": b.at_s,
            "mm": b.depth_mm,
            "text": f"rep {b.rep}: {words.mm(b.depth_mm)}",
        }
        for b in panel.bottoms
    ]


def with_level(sensors: Json) -> list[Json]:
    """The readings that say where the sled rested in the rack."""
    return [one for one in sensors["readings"] if one.get("rack_mm") is not None]


def rack_levels(sensors: Json, time_zone: str | None, *, sessions: int, width: int, palette: Palette = PAGE) -> Json:
    """Where the sled rested in the rack, session by session, and the band in which that is right.

    sensors: of `GET /gyms/{gym}/machines/{machine}`, with levels of `LEAST_LEVELS` sessions or more. sessions: how many
    of the last are drawn. As in a trace, deeper is further down.
    """
    local = words.zone(time_zone)
    usual, tolerance = sensors.get("reference_mm"), sensors["tolerance_mm"]
    rows = []
    for one in with_level(sensors)[-sessions:]:
        at = words.parse_at(one["at"]).astimezone(local)
        off = usual is not None and min(abs(one["rack_mm"] - place) for place in (0.0, usual)) > tolerance
        # The clock of the gym, as if it were UTC: the axis is to count its days.
        shown = at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
        text = f"{at:%-d %b}: {words.mm(one['rack_mm'])}"
        rows.append({"at": shown, "mm": one["rack_mm"], "kind": "off" if off else "right", "text": text})
    levels = [row["mm"] for row in rows]
    around = [0.0] if usual is None else [usual - 2 * tolerance, usual + 2 * tolerance]
    domain = [min([*levels, *around]) - 4, max([*levels, *around]) + 4]
    days = (words.parse_at(rows[-1]["at"]) - words.parse_at(rows[0]["at"])).total_seconds() / 86_400
    # Within two days the clock says more than the day.
    label = "utcFormat(datum.value, '%-d %b')" if days > SHORT_DAYS else "utcFormat(datum.value, '%H:%M')"
    x = alt.X("at:T", title=None, scale=alt.Scale(type="utc", nice=False, padding=8)).axis(
        grid=False, ticks=False, tickCount=max(2, min(6, width // 130)), labelExpr=label, labelOverlap=True
    )
    scale = alt.Scale(domain=domain, reverse=True, nice=False, zero=False)
    y = alt.Y("mm:Q", title=None, scale=scale).axis(
        domain=False, ticks=False, tickCount=4, labelExpr="datum.label + ' mm'"
    )
    base = alt.Chart(alt.NamedData(name="levels"))
    layers: list[alt.Chart] = []
    band = []
    if usual is not None:
        band = [{"mm": usual, "from": usual - tolerance, "to": usual + tolerance}]
        layers += [
            alt.Chart(alt.NamedData(name="band"))
            .mark_rect(color=palette.quiet, opacity=0.3)
            .encode(y=alt.Y("from:Q", scale=scale), y2="to:Q"),
            alt.Chart(alt.NamedData(name="band")).mark_rule(color=palette.muted, strokeDash=[4, 3]).encode(y=y),
        ]
    layers.append(base.mark_line(color=palette.muted, strokeWidth=1).encode(x=x, y=y))
    looks: dict[str, dict[str, Any]] = {
        "right": {"shape": "circle", "size": 40, "fill": palette.accent, "stroke": palette.surface, "strokeWidth": 1},
        "off": {"shape": "diamond", "size": 90, "fill": palette.warn, "stroke": palette.surface, "strokeWidth": 1},
    }
    layers += [
        base.transform_filter(f"datum.kind == '{kind}'")
        .mark_point(filled=True, opacity=1, **look)
        .encode(x=x, y=y, description="text:N")
        for kind, look in looks.items()
        if any(row["kind"] == kind for row in rows)
    ]
    chart = alt.layer(*layers).properties(width=width - 60, height=140)
    return finished(chart, {"levels": rows, "band": band}, palette)


def _panel(title: str, t_us: Sequence[int], depth_mm: Sequence[float | None], reps: Sequence[Json]) -> Panel:
    begin = t_us[0]
    return Panel(
        title=title,
        at_s=tuple(round((t - begin) / 1e6, 3) for t in t_us),
        depth_mm=tuple(depth_mm),
        bottoms=tuple(
            Bottom(rep["rep"], round((rep["t_turn_us"] - begin) / 1e6, 3), rep["depth_mm"], rep_kind(rep))
            for rep in reps
        ),
    )


def _set_title(number: int, reps: Sequence[Json]) -> str:
    over = sum(rep_kind(rep) == "over" for rep in reps)
    past = f", {over} past limit" if over else ""
    return f"Set {number} · {words.kg(max(rep['load_kg'] for rep in reps))} · {words.count(len(reps), 'rep')}{past}"


def finished(chart: alt.LayerChart | alt.FacetChart, rows: dict[str, list[dict[str, Any]]], palette: Palette) -> Json:
    """The specification, its rows beside it: Altair looks at every row it is handed, longer than the drawing takes."""
    return {**chart.to_dict(validate=False), **frame(palette), "datasets": rows}


def frame(palette: Palette) -> Json:
    """What all specifications have in common: the schema's version, the type, the lines, the room around."""
    return {
        "$schema": alt.SCHEMA_URL,
        "config": {
            "font": FONT,
            "background": "transparent",
            "padding": {"left": 10, "right": 6, "top": 4, "bottom": 2},
            "view": {"stroke": None},
            "axis": {
                "gridColor": palette.line,
                "labelColor": palette.muted,
                "labelFontSize": 12,
                "labelPadding": 6,
                "domainColor": palette.line,
            },
        },
    }
