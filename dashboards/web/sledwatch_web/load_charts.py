"""A member's load over time as chart specifications: several pictures above each other on one time axis.

What is drawn is `GET /members/{user}/workload`. Shapes and lightness say what colours say, for whoever cannot tell
these apart; the page has all of it as tables too.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import altair as alt

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.charts import PAGE, Palette, frame

DAY_MS: Final = 86_400_000
# Room for the labels of the vertical axes: the same for every picture, so that a day stands above the same day.
AXIS: Final = 62
MARGIN: Final = 18
GAP: Final = 14
# Beyond so many days a day is too narrow for a gap beside it, and for words above it.
MANY_DAYS: Final = 120
MOST_LABELS: Final = 4
LETTER: Final = 6.6
STANDINGS: Final = {
    "baseline": "compared",
    "beginner": "no baseline yet",
    "returning": "returning",
    "no-baseline": "days missing",
}
LANES: Final = {"alert": "Alerts", "pain": "Pain", "spacing": "Too close"}

Rows = list[dict[str, Any]]
_Picture = alt.LayerChart | alt.FacetChart


def load_over_time(view: Json, *, width: int, palette: Palette = PAGE) -> Json:
    """Load by day with the best of 30 days, what happened meanwhile, the standing, and weeks against their own.

    width: of the whole, in pixels. A rest day is empty; a day of which samples are missing carries a question mark,
    since nothing known is not the same as nothing done.
    """
    axis = _Axis(view, width)
    parts, rows = [], {}
    for picture in (_lanes, _days, _standing, _weeks):
        found = picture(view, axis, palette)
        if found is not None:
            chart, of_chart = found
            parts.append(chart)
            rows.update(of_chart)
    return _stacked(parts, rows, palette)


def has_beside(view: Json) -> bool:
    """Whether there is anything to draw beside the load."""
    limits = any(one["before_mm"] is not None or one["changes"] for one in view["limits"])
    losses = any(one["velocity_loss_pct"] is not None for one in view["sessions"])
    return limits or losses or bool(view["strength"]) or any(week["over_reps"] for week in view["weeks"])


def beside_load(view: Json, *, width: int, palette: Palette = PAGE) -> Json:
    """Velocity loss, strength, limits and exposure on the same time axis, those of them that are known.

    Needs one at least (`has_beside`).
    """
    axis = _Axis(view, width)
    parts, rows = [], {}
    for picture in (_losses, _strength, _limits, _exposure):
        found = picture(view, axis, palette)
        if found is not None:
            parts.append(found[0])
            rows.update(found[1])
    return _stacked(parts, rows, palette)


class _Axis:
    """The time axis that all pictures share. width: of a plot, without the labels beside it."""

    def __init__(self, view: Json, width: int) -> None:
        days = [row["day"] for row in view["days"]]
        self.days = len(days)
        self.first, self.last = days[0], days[-1]
        self.begin, self.end = day_ms(days[0]), day_ms(days[-1]) + DAY_MS
        self.width = width - AXIS - MARGIN
        self.pixels_a_day = self.width / max(self.days, 1)

    @property
    def scale(self) -> alt.Scale:
        return alt.Scale(type="utc", domain=[self.begin, self.end], nice=False)

    def x(self, field: str = "at") -> alt.X:
        values = self.marks()
        months = self.days > MANY_DAYS
        return alt.X(f"{field}:T", title=None, scale=self.scale).axis(
            values=values,
            tickCount=len(values),
            labelExpr="utcFormat(datum.value, '%b')" if months else "utcFormat(datum.value, '%-d %b')",
            labelAngle=0,
            labelAlign="left" if months else "center",
            labelOverlap=True,
            labelFlush=False,
            ticks=months,
            grid=True,
            gridOpacity=0.6,
            domain=True,
        )

    def quiet_x(self, field: str = "at") -> alt.X:
        """The same without labels."""
        return alt.X(f"{field}:T", title=None, scale=self.scale).axis(
            values=self.marks(), labels=False, ticks=False, grid=True, gridOpacity=0.6, domain=False
        )

    def marks(self) -> list[int]:
        """Where the axis is labelled: Mondays, or the first of months where there are many days."""
        every = [date.fromisoformat(self.first) + timedelta(days=number) for number in range(self.days)]
        months = self.days > MANY_DAYS
        chosen = [day for day in every if (day.day == 1 if months else day.weekday() == 0)]
        # A label that would run into those of the vertical axis, or out of the picture, is left out.
        left, right = (0, 26) if months else (22, 22)
        chosen = [
            day
            for day in chosen
            if left <= (day_ms(day.isoformat()) - self.begin) / DAY_MS * self.pixels_a_day <= self.width - right
        ]
        room = max(1, int(self.width / (34 if months else 58)))
        step = -(-len(chosen) // room)
        return [day_ms(day.isoformat()) for day in chosen[::-1][::step][::-1]]


def day_ms(day: str) -> int:
    """When a day begins, as if the gym's clock were UTC: the axis counts days."""
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


def _y(field: str, unit: str, top: float, *, ticks: int = 4, bottom: float = 0.0) -> alt.Y:
    return alt.Y(f"{field}:Q", title=None, scale=alt.Scale(domain=[bottom, top], nice=False)).axis(
        tickCount=ticks, domain=False, ticks=False, labelExpr=f"datum.label + '{unit and ' ' + unit}'", **_EXTENT
    )


_EXTENT: Final[dict[str, Any]] = {"minExtent": AXIS - 6, "maxExtent": AXIS - 6}


def _titled(chart: alt.LayerChart | alt.FacetChart, text: str, axis: _Axis, height: int, palette: Palette) -> _Picture:
    title = alt.Title(text, anchor="start", frame="group", fontSize=13, fontWeight=600, color=palette.ink, offset=6)
    return chart.properties(width=axis.width, height=height, title=title)


def _lanes(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]] | None:
    """A line each for alerts, pain, and hard sessions too close together; only those that there are."""
    middle = DAY_MS // 2
    loudest: dict[str, str] = {}
    for one in view["alerts"]:
        if one["rule"] != "pain.reported" and one["severity"] in {"warn", "alert"}:
            loudest[one["day"]] = "alert" if "alert" in {one["severity"], loudest.get(one["day"])} else "warn"
    marks = [
        {"at": day_ms(day) + middle, "lane": LANES["alert"], "kind": kind, "text": f"{day}: {words.SEVERITIES[kind]}"}
        for day, kind in loudest.items()
    ]
    marks += [
        {"at": day_ms(one["day"]) + middle, "lane": LANES["pain"], "kind": "pain", "text": f"{one['day']}: back pain"}
        for one in view["pain"]
    ]
    starts = {one["session"]: one["day"] for one in view["sessions"]}
    pairs = []
    for pair in view["pairs"]:
        day = starts.get(pair["session"])
        if day is not None and not pair["habit"]:
            earlier = starts.get(pair["earlier_session"], axis.first)
            begin, end = day_ms(earlier) + middle, day_ms(day) + middle
            if end - begin < DAY_MS:
                begin, end = begin - middle // 2, end + middle // 2
            pairs.append({"at": begin, "to": end, "lane": LANES["spacing"], "text": f"{earlier} and {day}"})
    lanes = [lane for lane in LANES.values() if any(row["lane"] == lane for row in [*marks, *pairs])]
    if not lanes:
        return None
    y = alt.Y("lane:N", title=None, scale=alt.Scale(domain=lanes)).axis(domain=False, ticks=False, grid=True, **_EXTENT)
    looks: dict[str, dict[str, Any]] = {
        "alert": {"shape": "triangle-up", "size": 80, "fill": palette.alert},
        "warn": {"shape": "diamond", "size": 80, "fill": palette.warn},
        "pain": {"shape": "cross", "size": 90, "fill": palette.ink},
    }
    layers = [
        alt.Chart(alt.NamedData(name="marks"))
        .transform_filter(f"datum.kind == '{kind}'")
        .mark_point(filled=True, opacity=1, stroke=palette.surface, strokeWidth=0.5, **look)
        .encode(x=axis.quiet_x(), y=y, description=alt.Description("text:N"))
        for kind, look in looks.items()
        if any(row["kind"] == kind for row in marks)
    ]
    if pairs:
        layers.append(
            alt.Chart(alt.NamedData(name="pairs"))
            .mark_rule(strokeWidth=5, strokeCap="round", color=palette.warn)
            .encode(x=axis.quiet_x(), x2=alt.X2("to:T"), y=y, description=alt.Description("text:N"))
        )
    chart = alt.layer(*layers).properties(width=axis.width, height=20 * len(lanes))
    return chart, {"marks": marks, "pairs": pairs}


def _days(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]]:
    """Work by day, with the best session of the 30 days before as a line, and the sessions that stand out marked."""
    inset = DAY_MS * (0 if axis.pixels_a_day < 4 else 0.15)
    loudest: dict[str, str] = {}
    spikes: dict[str, dict[str, Any]] = {}
    by_day = {row["day"]: row for row in view["days"]}
    for one in view["sessions"]:
        if one.get("severity") in {"warn", "alert"} and one["day"] in by_day:
            work_j = by_day[one["day"]]["work_j"] or one["work_j"] or 0.0
            loudest[one["day"]] = one["severity"]
            spikes[one["day"]] = {
                "at": day_ms(one["day"]) + DAY_MS // 2,
                "kj": work_j / 1000,
                "ratio": one["spike"],
                "text": f"{words.number(one['spike'], 2)}×",
                "severity": one["severity"],
            }
    bars, missing, best = [], [], []
    for row in view["days"]:
        begin = day_ms(row["day"])
        if row["missing"] or row["work_j"] is None:
            missing.append({"at": begin + DAY_MS // 2, "text": "?"})
        elif row["work_j"]:
            said = f"{row['day']}: {words.energy(row['work_j'])}"
            tone = loudest.get(row["day"], "usual")
            bars.append(
                {"at": begin + inset, "to": begin + DAY_MS - inset, "kj": row["work_j"] / 1000, "zero": 0.0}
                | {"tone": tone, "said": said, "day": row["day"]}
            )
        best.append({"at": begin, "kj": None if row["best_30d_j"] is None else row["best_30d_j"] / 1000})
    # Words only where there is room: above those that stand out most.
    labelled = sorted(spikes.values(), key=lambda spike: -spike["ratio"])[:MOST_LABELS]
    top = max([row["kj"] or 0.0 for row in [*bars, *best]] + [1.0]) * 1.22
    y = _y("kj", "kJ", top)
    tones = alt.Scale(domain=["usual", "warn", "alert"], range=[palette.quiet, palette.warn, palette.alert])
    layers: list[alt.Chart] = [
        alt.Chart(alt.NamedData(name="bars"))
        .mark_rect(cornerRadiusTopLeft=2 if inset else 0, cornerRadiusTopRight=2 if inset else 0)
        .encode(
            x=axis.quiet_x(), x2=alt.X2("to:T"), y=y, y2=alt.Y2("zero:Q"),
            color=alt.Color("tone:N", scale=tones, legend=None), description=alt.Description("said:N"),
        ),
        alt.Chart(alt.NamedData(name="best"))
        .mark_line(interpolate="step-after", color=palette.ink, strokeWidth=1.4, strokeDash=[4, 3])
        .encode(x=axis.quiet_x(), y=y),
    ]  # fmt: skip
    if missing:
        layers.append(
            alt.Chart(alt.NamedData(name="missing"))
            .mark_text(baseline="bottom", dy=-3, color=palette.muted, fontSize=13, fontWeight=600)
            .encode(x=axis.quiet_x(), y=alt.datum(0), text=alt.Text("text:N"))
        )
    if spikes:
        layers += [
            alt.Chart(alt.NamedData(name="spikes"))
            .mark_point(shape="triangle-down", size=56, filled=True, opacity=1, yOffset=-8)
            .encode(x=axis.quiet_x(), y=y, color=alt.Color("severity:N", scale=tones, legend=None)),
            alt.Chart(alt.NamedData(name="labels"))
            .mark_text(baseline="bottom", dy=-14, color=palette.ink, fontSize=12, fontWeight=700)
            .encode(x=axis.quiet_x(), y=y, text=alt.Text("text:N")),
        ]
    rows = {"bars": bars, "best": best, "missing": missing, "spikes": list(spikes.values()), "labels": labelled}
    return _titled(alt.layer(*layers), "Work by day", axis, 170, palette), rows


def _standing(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]]:
    """A strip that says on which days sessions were compared, and why not on the others."""
    spans = [
        {
            "at": day_ms(span["from"]),
            "to": day_ms(span["to"]) + DAY_MS,
            "middle": (day_ms(span["from"]) + day_ms(span["to"]) + DAY_MS) // 2,
            "state": span["state"],
            "text": STANDINGS[span["state"]],
            "days": (day_ms(span["to"]) - day_ms(span["from"])) // DAY_MS + 1,
        }
        for span in view["standing"]
        if span["state"] is not None
    ]
    looks: dict[str, dict[str, Any]] = {
        "baseline": {"fill": palette.quiet, "fillOpacity": 0.35},
        "beginner": {"fill": palette.surface, "stroke": palette.muted, "strokeWidth": 1},
        "returning": {"fill": palette.ink, "fillOpacity": 0.75},
        "no-baseline": {"fill": palette.surface, "stroke": palette.muted, "strokeWidth": 1, "strokeDash": [3, 2]},
    }
    base = alt.Chart(alt.NamedData(name="spans"))
    layers = [
        base.transform_filter(f"datum.state == '{state}'")
        .mark_rect(**look)
        .encode(x=axis.x(), x2=alt.X2("to:T"), description=alt.Description("text:N"))
        for state, look in looks.items()
    ]
    roomy = [span for span in spans if span["days"] * axis.pixels_a_day > LETTER * len(span["text"]) + 6]
    layers += [
        alt.Chart(alt.NamedData(name="words"))
        .transform_filter(f"{'' if dark else '!'}(datum.state == 'returning')")
        .mark_text(fontSize=12, color=palette.surface if dark else palette.ink, baseline="middle")
        .encode(x=alt.X("middle:T", scale=axis.scale), text=alt.Text("text:N"))
        for dark in (False, True)
    ]
    chart = alt.layer(*layers).properties(width=axis.width, height=18)
    return chart, {"spans": spans, "words": roomy}


def _weeks(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]] | None:
    """7 days each against the member's own weeks before: the band of ± 2 SD, the line of + 3, what was done."""
    weeks = view["weeks"]
    if not weeks:
        return None
    yellow, red = view["rules"]["values"]["baseline_yellow"], view["rules"]["values"]["baseline_red"]
    band, done = [], []
    for week in weeks:
        begin, end = day_ms(week["from"]), day_ms(week["to"]) + DAY_MS
        mean, spread = week["baseline_mean_j"], week["baseline_sd_j"]
        if mean is not None and spread is not None:
            band.append(
                {
                    "at": begin,
                    "to": end,
                    "mean": mean / 1000,
                    "low": max(0.0, mean - yellow * spread) / 1000,
                    "high": (mean + yellow * spread) / 1000,
                    "red": (mean + red * spread) / 1000,
                }
            )
        kind = week["baseline"] if week["baseline"] in {"yellow", "red", "usual"} else "unknown"
        done.append(
            {
                "at": (begin + end) // 2,
                "kj": week["work_j"] / 1000,
                "kind": kind,
                "text": f"7 days to {week['to']}: {words.energy(week['work_j'])}",
            }
        )
    top = max([row["kj"] for row in done] + [row["red"] for row in band] + [1.0]) * 1.08
    y = _y("kj", "kJ", top)
    of_band, of_weeks = alt.Chart(alt.NamedData(name="band")), alt.Chart(alt.NamedData(name="weeks"))
    x = axis.x()
    layers: list[alt.Chart] = []
    if band:
        layers += [
            of_band.mark_rect(color=palette.quiet, opacity=0.3).encode(
                x=x, x2=alt.X2("to:T"), y=_y("low", "kJ", top), y2=alt.Y2("high:Q")
            ),
            of_band.mark_rule(color=palette.muted, strokeWidth=1.2).encode(
                x=x, x2=alt.X2("to:T"), y=_y("mean", "kJ", top)
            ),
            of_band.mark_rule(color=palette.alert, strokeWidth=1.4, strokeDash=[3, 2]).encode(
                x=x, x2=alt.X2("to:T"), y=_y("red", "kJ", top)
            ),
        ]
    layers.append(of_weeks.mark_line(color=palette.muted, strokeWidth=1).encode(x=x, y=y))
    looks: dict[str, dict[str, Any]] = {
        "usual": {"shape": "circle", "size": 40, "fill": palette.accent, "stroke": palette.surface},
        "yellow": {"shape": "diamond", "size": 90, "fill": palette.warn, "stroke": palette.surface},
        "red": {"shape": "triangle-up", "size": 100, "fill": palette.alert, "stroke": palette.surface},
        "unknown": {"shape": "circle", "size": 34, "fill": palette.surface, "stroke": palette.muted},
    }
    layers += _points(of_weeks, looks, [row["kind"] for row in done], x, y)
    return _titled(alt.layer(*layers), "7 days against their own weeks", axis, 120, palette), {
        "band": band,
        "weeks": done,
    }


def _losses(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]] | None:
    """How much slower sets ended than their fastest rep, the mean of each session."""
    rows = [
        {
            "at": day_ms(one["day"]) + DAY_MS // 2,
            "pct": max(0.0, one["velocity_loss_pct"]),
            "kind": "near" if one["sets_above_40_pct"] else "usual",
            "text": f"{one['day']}: {words.number(one['velocity_loss_pct'])} % slower at the end of a set",
        }
        for one in view["sessions"]
        if one["velocity_loss_pct"] is not None
    ]
    if not rows:
        return None
    y = _y("pct", "%", max([48.0] + [row["pct"] * 1.1 for row in rows]), ticks=3)
    base = alt.Chart(alt.NamedData(name="losses"))
    lines = [{"pct": 20.0}, {"pct": 40.0}]
    looks: dict[str, dict[str, Any]] = {
        "usual": {"shape": "circle", "size": 36, "fill": palette.accent, "stroke": palette.surface},
        "near": {"shape": "diamond", "size": 80, "fill": palette.warn, "stroke": palette.surface},
    }
    layers = [
        alt.Chart(alt.NamedData(name="thresholds")).mark_rule(color=palette.muted, strokeDash=[4, 3]).encode(y=y),
        *_points(base, looks, [row["kind"] for row in rows], axis.x(), y),
    ]
    return _titled(alt.layer(*layers), "Velocity loss of sets", axis, 90, palette), {
        "losses": rows,
        "thresholds": lines,
    }


def _strength(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]] | None:
    """Estimated one-repetition maxima, a line each machine; hollow where something is taken for granted."""
    rows = [
        {
            "at": day_ms(point["day"]) + DAY_MS // 2,
            "kg": point["e1rm_kg"],
            "low": point["e1rm_kg"] - (point["error_kg"] or 0.0),
            "high": point["e1rm_kg"] + (point["error_kg"] or 0.0),
            "kind": "guess" if point["guess"] else "own",
            "machine": _place(line, view["strength"]),
            "text": f"{point['day']}: {words.kg(round(point['e1rm_kg']))}",
        }
        for line in view["strength"]
        for point in line["points"]
    ]
    if not rows:
        return None
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    room = max(5.0, 0.15 * (high - low))
    y = _y("kg", "kg", high + room, bottom=max(0.0, low - room))
    base = alt.Chart(alt.NamedData(name="strength"))
    looks: dict[str, dict[str, Any]] = {
        "own": {"shape": "circle", "size": 34, "fill": palette.accent, "stroke": palette.surface},
        "guess": {"shape": "circle", "size": 30, "fill": palette.surface, "stroke": palette.muted},
    }
    names = list(dict.fromkeys(row["machine"] for row in rows))
    dashes = alt.Scale(domain=names, range=[[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]][: len(names)])
    layers = [
        base.mark_line(color=palette.muted, strokeWidth=1.2).encode(
            x=axis.x(),
            y=y,
            detail=alt.Detail("machine:N"),
            strokeDash=alt.StrokeDash("machine:N", scale=dashes, legend=None),
        ),
        *_points(base, looks, [row["kind"] for row in rows], axis.x(), y),
    ]
    if len(names) > 1:
        layers.append(_named_at_the_end(base, axis, y, palette))
    return _titled(alt.layer(*layers), "Estimated 1RM", axis, 110, palette), {"strength": rows}


def _limits(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]] | None:
    """Depth limits as they were set, a step line each; deeper is further down, as the sled goes."""
    rows: Rows = []
    for course in view["limits"]:
        name = _place(course, view["limits"])
        if course["notch"] is not None:
            name += f", notch {course['notch']}"
        key = f"{course['gym']} {course['machine']} {course['notch']} {course['foot_row']}"
        steps = [(axis.begin, course["before_mm"])]
        steps += [(day_ms(step["day"]), step["limit_mm"]) for step in course["changes"]]
        steps.append((axis.end, steps[-1][1]))
        rows += [
            {"at": at, "mm": limit_mm, "machine": name, "key": key, "change": 0 < number < len(steps) - 1}
            for number, (at, limit_mm) in enumerate(steps)
        ]
    known = [row["mm"] for row in rows if row["mm"] is not None]
    if not known:
        return None
    scale = alt.Scale(domain=[min(known) - 25, max(known) + 25], reverse=True, nice=False, zero=False)
    y = alt.Y("mm:Q", title=None, scale=scale).axis(
        tickCount=3, domain=False, ticks=False, labelExpr="datum.label + ' mm'", **_EXTENT
    )
    base = alt.Chart(alt.NamedData(name="limits"))
    layers: list[alt.Chart] = [
        base.mark_line(interpolate="step-after", color=palette.alert, strokeWidth=1.6).encode(
            x=axis.x(), y=y, detail=alt.Detail("key:N")
        ),
        base.transform_filter("datum.change")
        .mark_point(shape="circle", size=34, filled=True, opacity=1, fill=palette.alert, stroke=palette.surface)
        .encode(x=axis.x(), y=y),
    ]
    if len({row["key"] for row in rows}) > 1:
        layers.append(_named_at_the_end(base, axis, y, palette, "key"))
    return _titled(alt.layer(*layers), "Depth limit", axis, 80, palette), {"limits": rows}


def _exposure(view: Json, axis: _Axis, palette: Palette) -> tuple[_Picture, dict[str, Rows]] | None:
    """Load × millimetres beyond the limit, week by week."""
    rows = [
        {
            "at": day_ms(week["from"]) + DAY_MS * 0.5,
            "to": day_ms(week["to"]) + DAY_MS * 0.5,
            "kg_mm": week["exposure_kg_mm"],
            "zero": 0.0,
            "text": f"7 days to {week['to']}: {words.count(week['over_reps'], 'rep')} beyond the limit",
        }
        for week in view["weeks"]
        if week["over_reps"]
    ]
    if not rows:
        return None
    y = _y("kg_mm", "", max(row["kg_mm"] for row in rows) * 1.1, ticks=3)
    chart = (
        alt.Chart(alt.NamedData(name="exposure"))
        .mark_rect(color=palette.muted, opacity=0.75)
        .encode(x=axis.x(), x2=alt.X2("to:T"), y=y, y2=alt.Y2("zero:Q"), description=alt.Description("text:N"))
    )
    return _titled(alt.layer(chart), "Beyond the limit, kg·mm a week", axis, 80, palette), {"exposure": rows}


def _points(
    base: alt.Chart, looks: dict[str, dict[str, Any]], kinds: Sequence[str], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    return [
        base.transform_filter(f"datum.kind == '{kind}'")
        .mark_point(filled=True, opacity=1, strokeWidth=1, **look)
        .encode(x=x, y=y, description=alt.Description("text:N"))
        for kind, look in looks.items()
        if kind in kinds
    ]


def _named_at_the_end(base: alt.Chart, axis: _Axis, y: alt.Y, palette: Palette, by: str = "machine") -> alt.Chart:
    """Each line's name above its last point, within the picture."""
    named: alt.Chart = (
        base.transform_filter("isValid(datum.kg) || isValid(datum.mm)")
        .transform_joinaggregate(last="max(at)", groupby=[by])
        .transform_filter("datum.at == datum.last")
        .mark_text(align="right", baseline="bottom", dy=-6, fontSize=12, color=palette.ink)
        .encode(x=axis.x(), y=y, text=alt.Text("machine:N"))
    )
    return named


def _place(one: Json, among: Sequence[Json]) -> str:
    several = len({other["gym"] for other in among}) > 1
    return f"{one['machine']}, {one['gym']}" if several else str(one["machine"])


def _stacked(parts: Sequence[_Picture], rows: dict[str, Rows], palette: Palette) -> Json:
    # Put together here: Altair copies every part several times over when it does.
    shown = [part.to_dict(validate=False) for part in parts]
    for part in shown:
        part.pop("config", None)
        part.pop("$schema", None)
    independent = {"scale": {"x": "independent", "y": "independent", "color": "independent"}}
    return {**frame(palette), "vconcat": shown, "spacing": GAP, "resolve": independent, "datasets": rows}
