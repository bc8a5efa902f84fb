"""What the page of the rules shows, and what its form asks for. Plain functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sledwatch_web import words
from sledwatch_web.alerts import SHAPES
from sledwatch_web.api import Json
from sledwatch_web.gyms import Gyms
from sledwatch_web.words import Moment

FIELD: Final = "rule-"
TOLD: Final = "Saved. It holds from the next closing on; sessions that are closed keep what they were judged by."
# What one page lists of the alerts that would be new or gone.
SHOWN_CHANGES: Final = 40

# What a setting is called beside its field, and what is written behind the figure.
LABELS: Final = {
    "spike_note": ("A note above", "× the 30-day best"),
    "spike_warn": ("A warning above", "× the 30-day best"),
    "spike_alert": ("An alert above", "× the 30-day best"),
    "spike_alert_joined": ("An alert already above, where it is joined", "× the 30-day best"),
    "join_spacing": ("Joined by hard sessions too close together", ""),
    "join_baseline": ("Joined by a week far above the own weeks", ""),
    "hard_session_share": ("A session is hard above", "% of the 30-day best"),
    "baseline_yellow": ("A note from", "standard deviations"),
    "baseline_red": ("A warning from", "standard deviations"),
    "baseline_weeks": ("Weeks it takes to know somebody's own", "weeks"),
    "baseline_least_sd": ("Standard deviation counts as at least", "% of the mean"),
    "volume_hard_sets": ("A note above", "hard sets in 7 days"),
    "hard_set_velocity_loss_pct": ("A set is hard when it gets slower by", "%"),
    "hard_set_reps": ("Where velocities are not known, it is hard from", "reps"),
    "hard_set_e1rm_share": ("These reps count from a load of", "% of the estimated 1RM"),
    "history_days": ("Days before ratios say anything", "days"),
    "history_sessions": ("Sessions before ratios say anything", "sessions"),
    "beginner_days_in_a_row": ("A warning from", "days in a row"),
    "beginner_hard_sets": ("A warning above", "hard sets in a session"),
    "beginner_load_ratio": ("A warning above", "× the best load so far"),
    "returning_share": ("A warning above", "% of the 90-day best"),
    "returned_sessions": ("Back in training after", "sessions within 30 days"),
    "missing_share": ("Nothing is raised with more missing than", "% of the days"),
    "pain_days": ("An alert within", "days of a warning"),
}
_COMES_FROM: Final = {
    "default": "the default",
    "organisation": "set for everybody",
    "gym": "set for the gym",
    "member": "set for the member",
}
_CHANGES: Final = {"new": "new", "gone": "gone", "severity": "otherwise"}


@dataclass(frozen=True, slots=True)
class Field:
    """A setting in the form.

    typed: what stands in its field, blank where nothing of its own is set. now: what is in force, in words, and whose
    it is; beneath: what a blank field means, blank: the same as a figure alone. own: whether this scope has set it.
    """

    name: str
    label: str
    unit: str
    kind: str
    typed: str
    now: str
    beneath: str
    blank: str
    bounds: str
    hint: str
    own: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A line of the history."""

    number: int
    scope: str
    href: str
    when: Moment | None
    who: str
    note: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """An alert that would be new, gone, or of another severity."""

    href: str
    who: str
    rule: str
    when: Moment | None
    change: str
    shape: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What was tried, ready to be read. rows: rule, alerts now and then, notes now and then."""

    tried: str
    present: str
    looked_at: str
    rows: tuple[tuple[str, int, int, int, int], ...]
    changes: tuple[Changed, ...]
    more: int
    not_foreseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom the page is about: everybody, a gym, or a member. words: as a sentence names them."""

    gym: str = ""
    user: str = ""

    @property
    def query(self) -> str:
        """For an address: empty for everybody."""
        named = {"gym": self.gym, "user": self.user}
        return urlencode({name: value for name, value in named.items() if value})

    @property
    def asked(self) -> dict[str, str | None]:
        """For the API."""
        return {"gym": self.gym or None, "user": self.user or None}

    def at(self, path: str) -> str:
        """A path with this scope."""
        return f"{path}?{self.query}" if self.query else path


def fields(
    rules: Sequence[Json], settings: Json, typed: Mapping[str, str] | None = None
) -> list[tuple[str, list[Field]]]:
    """The form by groups. typed: what somebody has written into it, in place of what is set."""
    in_force = {one["name"]: one for one in settings["rules"]}
    own = settings["own"]["values"] if settings["own"] else {}
    groups: dict[str, list[Field]] = {}
    for rule in rules:
        name = rule["name"]
        now = in_force[name]
        label, unit = LABELS.get(name, (name.replace("_", " ").capitalize(), rule["unit"]))
        stands = _as_typed(rule, own[name]) if name in own else ""
        is_default = now["comes_from"] == "default"
        groups.setdefault(rule["group"], []).append(
            Field(
                name=name,
                label=label,
                unit=unit,
                kind=rule["kind"],
                typed=stands if typed is None else typed.get(name, ""),
                now=f"{_in_words(rule, now['value'])}, {_COMES_FROM[now['comes_from']]}",
                beneath=_in_words(rule, now["beneath"]),
                blank=_as_typed(rule, now["beneath"]),
                bounds="" if rule["kind"] == "yes-no" else _bounds(rule),
                hint="" if is_default else f"default {_in_words(rule, rule['default'])}",
                own=name in own,
            )
        )
    return list(groups.items())


def values_of(rules: Sequence[Json], typed: Mapping[str, str]) -> tuple[Json, dict[str, str]]:
    """What the form asks for, and what in it cannot be read: name of the setting → why. Blank fields are left out."""
    values: Json = {}
    wrong: dict[str, str] = {}
    for rule in rules:
        name, text = rule["name"], typed.get(rule["name"], "").strip()
        if not text:
            continue
        if rule["kind"] == "yes-no":
            values[name] = text == "yes"
            continue
        try:
            values[name] = _of_typed(rule, float(text.replace(",", ".")))
        except (ValueError, OverflowError):
            wrong[name] = f"a number was expected, not “{text}”"
            continue
        if not rule["least"] <= values[name] <= rule["most"]:
            wrong[name] = f"{_bounds(rule)} was expected, not “{text}”"
    return values, wrong


def wrong_of(said: Mapping[str, str]) -> dict[str, str]:
    """What the API found wrong, by setting; what belongs to none has the name `whole`."""
    found = {}
    for field, expected in said.items():
        first, _, name = field.partition(".")
        found[name if first == "values" and name in LABELS else "whole"] = expected
    return found


def preview_of(answer: Json, gyms: Gyms, now_us: int) -> Preview:
    """An answer of the API to what was tried."""
    counts: dict[str, list[int]] = {}
    for place, outcome in enumerate((answer["present"], answer["tried"])):
        for one in outcome["rules"]:
            row = counts.setdefault(one["rule"], [0, 0, 0, 0])
            row[place] = one["warn"] + one["alert"]
            row[2 + place] = one["note"]
    changes = [
        Changed(
            href=f"/sessions/{one['session']}",
            who=one["user_name"] or one["user"],
            rule=words.RULES.get(one["rule"], one["rule"]),
            when=words.moment(one["start_at"], gyms.time_zone(one["gym"]), now_us),
            change=_CHANGES[one["change"]],
            shape=SHAPES[one["after"] or one["before"]],
            before=_severity(one["before"]),
            after=_severity(one["after"]),
        )
        for one in answer["changes"][:SHOWN_CHANGES]
    ]
    sessions = words.count(answer["sessions"], "session")
    return Preview(
        tried=answer["tried"]["sentence"],
        present=answer["present"]["sentence"],
        looked_at=f"{sessions} of {words.count(answer['members'], 'member')} judged by both",
        rows=tuple((words.RULES.get(rule, rule), *row) for rule, row in sorted(counts.items())),  # type: ignore[misc]
        changes=tuple(changes),
        more=answer["changes_total"] - len(changes),
        not_foreseen=tuple(f"“{_name(one['name'])}”: {one['why']}" for one in answer["not_foreseen"]),
    )


def history(versions: Sequence[Json], rules: Sequence[Json], gyms: Gyms, now_us: int) -> list[Version]:
    """The versions as lines, each with what it says in words."""
    of_name = {one["name"]: one for one in rules}
    return [
        Version(
            number=one["version"],
            scope=_scope_words(one, gyms),
            href=Scope(one["gym"] or "", one["user"] or "").at("/rules"),
            when=words.moment(one["set_at"], gyms.time_zone(None), now_us),
            who=one["set_by"],
            note=one["note"] or "",
            lines=tuple(
                f"{of_name[name]['group']}: {_lower(_name(name))}{_colon(value)} {_in_words(of_name[name], value)}"
                for name, value in one["values"].items()
                if name in of_name
            ),
        )
        for one in versions
    ]


def _scope_words(version: Json, gyms: Gyms) -> str:
    if version["user"] is not None:
        return version["user_name"] or str(version["user"])
    return "everybody" if version["gym"] is None else gyms.name(version["gym"])


def _name(name: str) -> str:
    return LABELS[name][0] if name in LABELS else name


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _colon(value: float | bool) -> str:
    return ":" if isinstance(value, bool) else ""


def _severity(severity: str | None) -> str:
    return "nothing" if severity is None else words.SEVERITIES[severity].lower()


def _in_words(rule: Json, value: float | bool) -> str:
    """A value with its unit, as short as it can be read."""
    if rule["kind"] == "yes-no":
        return "yes" if value else "no"
    unit = {"ratio": "×", "share": " %", "%": " %", "SD": " SD"}.get(rule["unit"], f" {rule['unit']}")
    return f"{_as_typed(rule, value)}{unit}"


def _as_typed(rule: Json, value: float | bool) -> str:
    """A value as it stands in its field: shares as percent."""
    if rule["kind"] == "yes-no":
        return "yes" if value else "no"
    return f"{round(100 * value, 6) if rule['unit'] == 'share' else value:g}"


def _bounds(rule: Json) -> str:
    return f"{_as_typed(rule, rule['least'])} to {_as_typed(rule, rule['most'])}"


def _of_typed(rule: Json, number: float) -> float | int:
    if rule["unit"] == "share":
        return round(number / 100, 8)
    return int(number) if rule["kind"] == "whole" and number.is_integer() else number
