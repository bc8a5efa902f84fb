"""What is shown of a machine by hand: the sled on its rail and all that is known, as lines for a terminal of any size.

Every colour has a shape or a word beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from sledwatch import events
from sledwatch_sim.by_hand.machine import Light

LEAST_WIDTH: Final = 40
# Below this, there is no room for the curve.
_LEAST_CURVE_ROWS: Final = 5
_MOST_CURVE_ROWS: Final = 14
_HEARD_ROWS: Final = 9
_SLED_WIDTH: Final = 3

_LIGHTS: Final = {
    Light.OFF: ("dim", "no limit known"),
    Light.GREEN: ("bold black on green", "GREEN"),
    Light.CAUTION: ("bold black on yellow", "CAUTION"),
    Light.OVER: ("bold white on red", "OVER"),
}
_LABEL: Final = "dim"
_KEYS: Final = (
    "b badge  space rep  ↓ ↑ by hand  d s deeper, less deep  [ ] faster, slower",
    "+ - plates  n N seat  u user  c cable  r power off and on  q quit",
)


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters that it is drawn with."""

    gone: str
    ahead: str
    caution: str
    beyond: str
    limit: str
    sled: str
    target: str
    dot: str
    lights: dict[Light, str]
    between: str


_UNICODE: Final = Marks(
    gone="═",
    ahead="─",
    caution="░",
    beyond="▒",
    limit="┃",
    sled="[█]",
    target="▼",
    dot="●",
    lights={Light.OFF: "○", Light.GREEN: "●", Light.CAUTION: "▲", Light.OVER: "■"},
    between=" · ",
)
_ASCII: Final = Marks(
    gone="=",
    ahead="-",
    caution=":",
    beyond="x",
    limit="|",
    sled="[#]",
    target="v",
    dot="*",
    lights={Light.OFF: "o", Light.GREEN: "*", Light.CAUTION: "^", Light.OVER: "#"},
    between=", ",
)


@dataclass(frozen=True, slots=True)
class View:
    """A moment of a machine by hand.

    depths_mm: of the last seconds, evenly. own_over: of the machine's own reps, those beyond its limit. cue_s: how long
    ago the cue came. not_heard: why the system's words do not come through, None where they do. entry: a name being
    typed. phase: what is being waited for at the end, else nothing.
    """

    gym: str
    machine: str
    press: events.Online
    broker: str
    user: str
    session: str | None
    session_s: float
    depth_mm: float
    target_mm: float
    tempo_s: float
    load_kg: float
    notch: int
    racked: bool
    waiting: int
    light: Light
    limit: events.Limit | None
    own_reps: int
    own_over: int
    cue: events.Cue | None
    cue_s: float
    plugged_in: bool
    connected: bool
    connections: int
    error: str | None
    boot: str
    said: int
    held: int
    lost: int
    refused: int
    reps: Sequence[events.Rep]
    alerts: Sequence[events.Alert]
    not_heard: str | None
    depths_mm: Sequence[float]
    notice: str
    entry: str | None
    phase: str

    @property
    def stored(self) -> int:
        """How many of its messages the system has said to be stored."""
        return self.said - self.held - self.lost


def lines(view: View, width: int, height: int, *, unicode: bool = True) -> list[Text]:
    """The screen, at most `height` lines of at most `width` characters."""
    width = max(width, LEAST_WIDTH)
    marks = _UNICODE if unicode else _ASCII
    top = [_head(view, width, marks), Text(), *_rail(view, width, marks), Text(), *_figures(view, marks)]
    bottom = [_notice(view, marks), *_keys(width, unicode=unicode)]
    room = height - len(top) - len(bottom)
    curve_rows = min(_MOST_CURVE_ROWS, room - _HEARD_ROWS)
    curve = _curve(view, width, curve_rows, marks) if curve_rows >= _LEAST_CURVE_ROWS else []
    room -= len(curve)
    alerts = _alerts(view, max(1, (room - 3) // 3), marks)
    reps = _reps(view, max(1, room - len(alerts) - 3), marks)
    heard = [Text(), *reps, *alerts][: max(0, room)]
    pad = [Text()] * max(0, room - len(heard))
    shown = [*top, *curve, *heard, *pad, *bottom]
    # Where there is no room at all, what moves and what to press matter most.
    shown = shown if len(shown) <= height else [*top[2:][: max(1, height - 1)], bottom[0]][:height]
    for line in shown:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis" if unicode else "crop")
        if not unicode:
            # A terminal that cannot show a character must not end the program.
            line.plain = line.plain.encode("ascii", "replace").decode()
    return shown


def _plain(text: str) -> str:
    """What comes from elsewhere, without anything that a terminal would obey."""
    return "".join(one if one.isprintable() else " " for one in text)


def _head(view: View, width: int, marks: Marks) -> Text:
    name = Text.assemble((" sledwatch press  ", "bold"), f"{view.gym}/{view.machine}")
    press = view.press
    name.append(f"  {press.model}, {press.kind}, {press.rate_hz:g} Hz", _LABEL)
    link = _link(view, marks)
    gap = width - len(name) - len(link) - 1
    return Text.assemble(name, " " * max(1, gap), link)


def _link(view: View, marks: Marks) -> Text:
    if not view.plugged_in:
        return Text(f"{marks.lights[Light.OVER]} CABLE CUT", "bold red")
    if not view.connected:
        return Text(f"{marks.lights[Light.CAUTION]} not connected", "bold yellow")
    return Text(f"{marks.dot} online", "bold green")


def _rail(view: View, width: int, marks: Marks) -> list[Text]:
    """The sled's footplate stands at its depth; what is filled is behind it."""
    first, length = 1 + _SLED_WIDTH, width - _SLED_WIDTH - 3
    travel_mm = view.press.travel_mm

    def column(mm: float) -> int:
        return min(max(round(mm / travel_mm * (length - 1)), 0), length - 1)

    limit_mm = None if view.limit is None else view.limit.limit_mm
    caution_mm = None if view.limit is None else view.limit.caution_mm
    rail = Text(" " * first)
    for at in range(length):
        if limit_mm is not None and at == column(limit_mm):
            rail.append(marks.limit, "bold red")
        elif limit_mm is not None and at > column(limit_mm):
            rail.append(marks.beyond, "red")
        elif caution_mm is not None and at >= column(caution_mm):
            rail.append(marks.caution, "yellow")
        else:
            rail.append(marks.ahead, _LABEL)
    plain = rail.plain
    end = first + column(view.depth_mm)
    body = marks.gone * (end - _SLED_WIDTH - first + 1)
    style = {Light.OVER: "bold red", Light.CAUTION: "bold yellow"}.get(view.light, "bold cyan")
    # At the rack the sled stands before the rail's beginning.
    moved = Text(plain[: end - _SLED_WIDTH + 1 - len(body)]) + Text(body, "cyan") + Text(marks.sled, style)
    target = first + column(view.target_mm), marks.target, f"{view.target_mm:.0f}"
    marked = [target]
    if limit_mm is not None:
        marked.append((first + column(limit_mm), marks.limit, f"limit {limit_mm:.0f}"))
    step = 100 if width >= 60 else 200
    scale = [(0, "mm"), *((first + column(mm), f"{mm}") for mm in range(0, int(travel_mm) + 1, step))]
    return [
        _written(width, [(0, "rack"), *_apart(marked)]),
        moved + rail[end + 1 :],
        Text(_written(width, scale).plain, _LABEL),
    ]


def _apart(marked: list[tuple[int, str, str]]) -> list[tuple[int, str]]:
    """Labels at columns: the leftmost's words stand left of its mark, where there is another."""
    first, *others = sorted(marked)
    if not others:
        return [(at, f"{mark} {words}") for at, mark, words in marked]
    at, mark, words = first
    left = at - len(words) - 1, f"{words} {mark}"
    return [left, *((at, f"{mark} {words}") for at, mark, words in others)]


def _written(width: int, labels: list[tuple[int, str]]) -> Text:
    row = [" "] * width
    for at, label in labels:
        start = max(0, min(at, width - len(label)))
        row[start : start + len(label)] = label
    return Text("".join(row).rstrip())


def _figures(view: View, marks: Marks) -> list[Text]:
    style, word = _LIGHTS[view.light]
    limit = view.limit
    about = "the machine was told none" if view.session else "nobody is badged in"
    if limit is not None:
        about = "none is set for this member"
        if limit.limit_mm is not None:
            about = f"limit {limit.limit_mm:.0f} mm ({limit.tier})"
            about += "" if limit.caution_mm is None else f", caution from {limit.caution_mm:.0f}"
    sled = "racked" if view.racked else f"{view.waiting} more asked for" if view.waiting else ""
    session = f"{view.session}  {_clock(view.session_s)}" if view.session else "none: b badges in"
    over = f", {view.own_over} beyond the limit" if view.own_over else ""
    rows = [
        _row("depth", Text(f"{view.depth_mm:6.0f} mm  ", "bold"), Text(sled, _LABEL)),
        _row("light", Text(f" {marks.lights[view.light]} {word} ", style), Text(f"  {about}")),
        _row(
            "next rep",
            Text(f"to {view.target_mm:.0f} mm, {view.tempo_s:g} s down"),
            Text(f"{marks.between}load {view.load_kg:g} kg{marks.between}seat notch {view.notch}"),
        ),
        _row("session", Text(session), Text(f"{marks.between}{view.user}")),
        _row("reps", Text(f"{view.own_reps} counted here{over}{marks.between}{len(view.reps)} found by the system")),
        _row("cue", _cue(view)),
        _row("messages", *_messages(view, marks)),
    ]
    if view.error is not None and view.plugged_in and not view.connected:
        rows.append(_row("broker", Text(f"{view.broker}: {_plain(view.error)}; trying again", "yellow")))
    return rows


def _row(label: str, *parts: Text) -> Text:
    return Text.assemble((f" {label:<9}", _LABEL), *parts)


def _cue(view: View) -> Text:
    if view.cue is None:
        return Text("none yet", _LABEL)
    words = f"{view.cue.kind.upper()} at {view.cue.depth_mm:.0f} mm, {view.cue_s:.0f} s ago"
    return Text(words, "bold yellow" if view.cue_s < events.CUE_EXPIRES_S else "")


def _messages(view: View, marks: Marks) -> list[Text]:
    held = Text(f"{view.held} held", "bold yellow" if view.held > 2 else "")
    parts = [Text(f"{view.said} numbered{marks.between}{view.stored} stored{marks.between}"), held]
    parts += [
        Text(f"{marks.between}{count} {what}", "bold red")
        for count, what in ((view.lost, "lost"), (view.refused, "refused"))
        if count
    ]
    times = "" if view.connections == 1 else "s"
    about = f"{view.connections} connection{times}{marks.between}boot {view.boot[:6]}"
    parts.append(Text(f"{marks.between}{about}", _LABEL))
    return parts


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _curve(view: View, width: int, rows: int, marks: Marks) -> list[Text]:
    """Depth over the last seconds, downwards as the sled goes; the limit as a line across."""
    columns = width - 7
    travel_mm = view.press.travel_mm
    limit = view.limit
    limit_row = None if limit is None or limit.limit_mm is None else int(limit.limit_mm / travel_mm * (rows - 1) + 0.5)
    shown = list(view.depths_mm)[-columns:]
    grid = [[" "] * columns for _ in range(rows)]
    if limit_row is not None:
        grid[limit_row] = [marks.ahead] * columns
    for at, mm in enumerate(shown, start=columns - len(shown)):
        grid[min(max(int(mm / travel_mm * (rows - 1) + 0.5), 0), rows - 1)][at] = marks.dot
    painted: list[Text] = [Text()]
    for row, cells in enumerate(grid):
        beyond = limit_row is not None and row >= limit_row
        label = f"{row * travel_mm / (rows - 1):5.0f} "
        painted.append(Text.assemble((label, _LABEL), ("".join(cells), "red" if beyond else "cyan")))
    return painted


def _reps(view: View, room: int, marks: Marks) -> list[Text]:
    head = Text(" reps found by the system", _LABEL)
    if view.not_heard is not None:
        return [head, Text(f"   not heard: {_plain(view.not_heard)}", "yellow")]
    return [head, *(_rep(rep, marks) for rep in reversed(view.reps[-room:]))]


def _rep(rep: events.Rep, marks: Marks) -> Text:
    text = Text(f"   {rep.rep:>3}  {rep.depth_mm:4.0f} mm", "bold")
    if rep.over_mm is not None and rep.over_mm > 0:
        text.append(f"  {marks.lights[Light.OVER]} +{rep.over_mm:.0f} over", "bold red")
    text.append(f"  {rep.load_kg:g} kg  {rep.eccentric_s:.1f} s down  {rep.concentric_s:.1f} s up", "not bold")
    if rep.mean_velocity_m_s is not None:
        text.append(f"  {rep.mean_velocity_m_s:.2f} m/s", "not bold")
    if rep.quality == "unsure":
        text.append(f"  unsure: {_plain(rep.quality_reason or '')}", "yellow")
    return text


def _alerts(view: View, room: int, marks: Marks) -> list[Text]:
    if not view.alerts:
        return [Text(" alerts: none", _LABEL)]
    newest = list(view.alerts)[-room:]
    return [Text(" alerts", _LABEL), *(_alert(alert, marks) for alert in reversed(newest))]


def _alert(alert: events.Alert, marks: Marks) -> Text:
    loud = {"alert": "bold red", "warn": "bold yellow"}.get(alert.severity, "bold")
    shape = {"alert": Light.OVER, "warn": Light.CAUTION}.get(alert.severity, Light.OFF)
    text = Text(f"   {marks.lights[shape]} {alert.severity.upper()} ", loud)
    return text.append(f"{alert.count}x {alert.rule}: {_plain(alert.title)}. {_plain(alert.message)}", "not bold")


def _notice(view: View, marks: Marks) -> Text:
    if view.entry is not None:
        return Text.assemble((" next user: ", "bold"), f"{view.entry}_", ("   enter takes it, esc does not", _LABEL))
    if view.phase:
        return Text(f" {view.phase}", "bold")
    return Text(f" {marks.target} {_plain(view.notice)}" if view.notice else "")


def _keys(width: int, *, unicode: bool) -> list[Text]:
    words = _KEYS if unicode else tuple(line.replace("↓ ↑", "j k") for line in _KEYS)
    if width >= sum(map(len, words)) + 4:
        words = ("  ".join(words),)
    return [Text(f" {line}", _LABEL) for line in words]
