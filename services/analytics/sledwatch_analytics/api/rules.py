"""The rules of overuse: their documented table, the settings of organisation, gyms and members, and trying others."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from sledwatch.events import Severity
from sledwatch.rules import GROUPS, TABLE, RulesInForce
from sledwatch_analytics.api.gyms import known_gym
from sledwatch_analytics.api.members import known_member
from sledwatch_analytics.api.names import NAME, GymQuery, UserQuery
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import ProblemError, invalid, not_found
from sledwatch_analytics.api.times import EPOCH, At, at, microseconds
from sledwatch_analytics.preview import NOT_FORESEEN, Foreseen, Matter, Matters, TooManySessions, foresee
from sledwatch_storage.state import rules as kept
from sledwatch_storage.state.members import names_of
from sledwatch_storage.state.reading import number_of

router = APIRouter(tags=["rules"])

# What "last month" is: as many days as the rules look back on.
MONTH: Final = timedelta(days=30)
MOST_DAYS: Final = 92
# What one answer lists of what would be new or gone; the counts are of all.
MOST_CHANGES: Final = 500

Value = StrictBool | StrictInt | StrictFloat
From = Literal["default", "organisation", "gym", "member"]
Level = Literal["organisation", "gym", "member"]
# Of any type: the rules say themselves what they expect of each.
Values = Annotated[
    dict[str, Any],
    Field(
        description="value by name of the setting: numbers, whole numbers, true or false",
        max_length=len(TABLE),
        examples=[{"spike_note": 1.2, "join_spacing": False}],
    ),
]
Version = Annotated[int | None, Query(ge=0, description="of this scope, as it was seen; others are refused")]

_GROUP_OF: Final = {name: group for group, names in GROUPS.items() for name in names}
_ROWS: Final = {one.name: one for one in TABLE}
_KINDS: Final[dict[type, Literal["number", "whole", "yes-no"]]] = {float: "number", int: "whole", bool: "yes-no"}


class Rule(BaseModel):
    """A setting of the rules: what it means, its bounds, and where its default comes from."""

    name: str = Field(examples=["spike_warn"])
    group: str = Field(description="what it belongs to", examples=["A session above the own 30-day best"])
    kind: Literal["number", "whole", "yes-no"]
    default: Value = Field(examples=[1.3])
    unit: str = Field(examples=["ratio"])
    least: float = Field(examples=[1.0])
    most: float = Field(examples=[10.0])
    source: str = Field(examples=["Frandsen 2025, BJSM 59:1203"])
    meaning: str


class RuleValue(BaseModel):
    """A setting as it is in force, and whose it is."""

    name: str = Field(examples=["spike_warn"])
    value: Value = Field(examples=[1.4])
    comes_from: From = Field(description="who has set it")
    beneath: Value = Field(description="what would be in force without this scope's own", examples=[1.3])


class SettingsVersion(BaseModel):
    """A version of the settings of an organisation, a gym or a member; nothing of it is ever altered."""

    version: int = Field(description="counts up over all of them", examples=[3])
    level: Level
    gym: str | None = Field(description="null: not of a gym", examples=["north"])
    user: str | None = Field(description="null: not of a member", examples=["m-1042"])
    user_name: str | None = Field(examples=["Ada"])
    values: dict[str, Value] = Field(description="all changed values; empty where they were taken back")
    note: str | None
    set_by: str = Field(examples=["admin"])
    set_at: At


class Settings(BaseModel):
    """The settings of an organisation, a gym or a member, and what is in force there."""

    level: Level
    gym: str | None = Field(description="of a member: the gym whose settings are beneath theirs", examples=["north"])
    user: str | None
    version: int = Field(description="of what is in force; findings name it; 0: all are defaults", examples=[3])
    own: SettingsVersion | None = Field(description="what this scope itself has set last; null: never anything")
    rules: list[RuleValue] = Field(description="every setting as it is in force")


class SettingsWish(BaseModel):
    """Values to set, in place of all that the scope has; what is left out comes from beneath."""

    model_config = ConfigDict(extra="forbid")

    values: Values
    note: str | None = Field(None, max_length=2_000, description="why", examples=["fewer notes for regulars"])


class PreviewWish(BaseModel):
    """Values to try for a scope: the organisation, a gym, or a member."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    values: Values
    gym: str | None = Field(None, pattern=NAME, examples=["north"])
    user: str | None = Field(None, pattern=NAME, examples=["m-1042"])
    from_at: AwareDatetime | None = Field(None, alias="from", description="by default 30 days before `to`")
    to_at: AwareDatetime | None = Field(None, alias="to", description="by default now")


class RuleCount(BaseModel):
    """How often a rule would have spoken, by severity. Several sessions of one visit are one."""

    rule: str = Field(examples=["workload.spike"])
    note: int
    warn: int
    alert: int


class Outcome(BaseModel):
    """What settings would have raised."""

    alerts: int = Field(description="in the inbox: of severity warn or alert", examples=[14])
    members: int = Field(description="whom these are about", examples=[9])
    notes: int = Field(description="of severity note: they are shown in the session only", examples=[31])
    rules: list[RuleCount]
    sentence: str = Field(
        examples=["With these settings, last month would have raised 14 alerts for 9 members."],
    )


class Change(BaseModel):
    """An alert that would be new, gone, or of another severity."""

    change: Literal["new", "gone", "severity"]
    rule: str = Field(examples=["workload.spike"])
    session: str = Field(examples=["01JDX4"])
    start_at: At
    gym: str
    machine: str
    user: str
    user_name: str | None
    before: Severity | None = Field(description="by the present settings; null: nothing")
    after: Severity | None = Field(description="by the tried ones; null: nothing")


class NotForeseen(BaseModel):
    """A setting that was changed, and whose effect is not in these figures."""

    name: str
    why: str


class Preview(BaseModel):
    """What other settings would have raised, beside the present ones."""

    level: Level
    gym: str | None
    user: str | None
    from_at: At
    to_at: At
    sessions: int = Field(description="how many were judged, by both", examples=[812])
    members: int = Field(description="whose they are", examples=[96])
    present: Outcome
    tried: Outcome
    changes: list[Change] = Field(description="alerts new, gone or of another severity, the latest first; 500 at most")
    changes_total: int
    not_foreseen: list[NotForeseen]


@router.get("/rules")
def list_rules() -> Page[Rule]:
    """Every setting of the rules, with default, unit, bounds and source, in the order of their groups."""
    return Page(
        items=[
            Rule(
                name=name,
                group=group,
                kind=_KINDS[_ROWS[name].kind],
                default=_ROWS[name].default,
                unit=_ROWS[name].unit,
                least=_ROWS[name].least,
                most=_ROWS[name].most,
                source=_ROWS[name].source,
                meaning=_ROWS[name].meaning,
            )
            for group, names in GROUPS.items()
            for name in names
        ],
        next=None,
    )


@router.get("/rules/settings")
def get_settings(parts: UsesParts, gym: GymQuery = None, user: UserQuery = None) -> Settings:
    """What is in force for the organisation, a gym or a member, value by value, and where each comes from.

    Of a member, `gym` says whose settings are beneath theirs: the same member may train in several.
    """
    _require_known(parts, gym, user)
    return _settings(parts, gym, user)


@router.put("/rules/settings")
def put_settings(
    parts: UsesParts,
    asked_by: AskedBy,
    wish: SettingsWish,
    gym: GymQuery = None,
    user: UserQuery = None,
    version: Version = None,
) -> Settings:
    """Set values for the organisation, a gym or a member. Sessions that are closed keep those they were judged by."""
    scope = _scope(parts, gym, user, place="query")
    _put(parts, scope, wish.values, wish.note, asked_by.name, version)
    return _settings(parts, gym, user)


@router.delete("/rules/settings")
def delete_settings(
    parts: UsesParts,
    asked_by: AskedBy,
    gym: GymQuery = None,
    user: UserQuery = None,
    version: Version = None,
    note: Annotated[str | None, Query(max_length=2_000, description="why")] = None,
) -> Settings:
    """Take back all values of the organisation, a gym or a member; the history keeps them."""
    scope = _scope(parts, gym, user, place="query")
    own = kept.rules_of_all(parts.engine).newest.get(scope)
    if own is None or not own.changed:
        raise not_found(f"{scope} has no settings of its own that could be taken back")
    _put(parts, scope, {}, note, asked_by.name, version)
    return _settings(parts, gym, user)


@router.get("/rules/settings/history")
def list_versions(
    parts: UsesParts, page: WantsPage, gym: GymQuery = None, user: UserQuery = None
) -> Page[SettingsVersion]:
    """Every version of the settings, the newest first: of one gym or member, or of all."""
    scope = None if gym is None and user is None else _scope(parts, gym, user, place="query")
    before = None if page.after is None else number_of(page.after)
    found = kept.list_settings(parts.engine, scope, before, page.one_more)
    rows, following = page.cut(found, lambda one: str(one.version))
    names = names_of(parts.engine, {one.scope.user for one in rows if one.scope.user is not None})
    return Page(items=[_shown(one, names) for one in rows], next=following)


@router.post("/rules/preview")
def preview(parts: UsesParts, wish: PreviewWish) -> Preview:
    """What the last month would have raised with other values of a scope, beside what the present ones give.

    Nothing is changed. The values take the place of all that the scope has, as they do when they are set.
    """
    scope = _scope(parts, wish.gym, wish.user, place="body")
    from_us, to_us = _span(parts, wish)
    present = kept.rules_of_all(parts.engine)
    tried = present.with_changed(scope, wish.values)
    try:
        tried.require_sound(scope)
    except ValueError as error:
        raise _refused(error) from None
    try:
        foreseen = foresee(parts.engine, present, tried, scope, from_us, to_us)
    except TooManySessions as error:
        why = f"{error}; ask for a shorter time, a gym or a member"
        raise ProblemError(422, "too-much", why, title="That is too much to be tried at once") from None
    is_month = wish.from_at is None and wish.to_at is None
    when = "last month" if is_month else f"the time from {_day(from_us)} to {_day(to_us)}"
    changes = _changes(foreseen)
    names = names_of(parts.engine, {one.user for _, one, _, _ in changes[:MOST_CHANGES]})
    own = present.newest.get(scope)
    differing = {name for name in _ROWS if _value(own, name) != wish.values.get(name)}
    return Preview(
        level=scope.level,
        gym=scope.gym,
        user=scope.user,
        from_at=at(from_us),
        to_at=at(to_us),
        sessions=foreseen.sessions,
        members=foreseen.members,
        present=_outcome(foreseen.present, f"With the present settings, {when}"),
        tried=_outcome(foreseen.tried, f"With these settings, {when}"),
        changes=[
            Change(
                change=change,
                rule=one.rule,
                session=one.session,
                start_at=at(one.start_us),
                gym=foreseen.places[one.session][0],
                machine=foreseen.places[one.session][1],
                user=one.user,
                user_name=names.get(one.user),
                before=None if before is None else before.severity,
                after=None if after is None else after.severity,
            )
            for change, one, before, after in changes[:MOST_CHANGES]
        ],
        changes_total=len(changes),
        not_foreseen=[NotForeseen(name=name, why=why) for name, why in NOT_FORESEEN.items() if name in differing],
    )


def _span(parts: Parts, wish: PreviewWish) -> tuple[int, int]:
    now = at(parts.clock())
    to_at = wish.to_at or now
    if not EPOCH < to_at <= now:
        raise invalid("to", f"a time that has passed (it is {now:%Y-%m-%dT%H:%M:%SZ})", to_at.isoformat())
    from_at = wish.from_at or max(EPOCH, to_at - MONTH)
    if not timedelta(0) < to_at - from_at <= timedelta(days=MOST_DAYS) or from_at < EPOCH:
        expected = f"a time before `to` ({to_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}), by {MOST_DAYS} days at most"
        raise invalid("from", expected, from_at.isoformat())
    return microseconds(from_at), microseconds(to_at)


def _require_known(parts: Parts, gym: str | None, user: str | None) -> None:
    if gym is not None:
        known_gym(parts, gym)
    if user is not None:
        known_member(parts, user)


def _scope(parts: Parts, gym: str | None, user: str | None, place: str) -> kept.Scope:
    if gym is not None and user is not None:
        raise invalid("gym", "gym or user, not both: a member's settings hold in every gym", gym, place=place)
    _require_known(parts, gym, user)
    return kept.Scope(gym, user)


def _put(
    parts: Parts, scope: kept.Scope, values: kept.Values, note: str | None, set_by: str, version: int | None
) -> None:
    try:
        kept.put_settings(
            parts.engine, scope, values, note=note, set_by=set_by, now_us=parts.clock(), seen_version=version
        )
    except kept.SettingsOutdated as error:
        raise ProblemError(409, "changed-meanwhile", f"{error}: look at them again, then decide") from None
    except ValueError as error:
        raise _refused(error) from None


def _refused(error: ValueError) -> ProblemError:
    """What the rules say of a value, told of its field."""
    name, _, expected = str(error).partition(": ")
    return invalid(f"values.{name}", expected)


def _settings(parts: Parts, gym: str | None, user: str | None) -> Settings:
    book = kept.rules_of_all(parts.engine)
    scope = kept.Scope(gym, None) if user is None else kept.Scope(None, user)
    in_force = book.of(gym, user)
    beneath = kept.RuleBook({known: one for known, one in book.newest.items() if known != scope}).of(gym, user)
    whose: dict[str, From] = {name: one.scope.level for one in book.layers(gym, user) for name in one.changed}
    own = book.newest.get(scope)
    names = {} if user is None else names_of(parts.engine, {user})
    return Settings(
        level=scope.level,
        gym=gym,
        user=user,
        version=in_force.version,
        own=None if own is None else _shown(own, names),
        rules=[
            RuleValue(
                name=name,
                value=_in(in_force, name),
                comes_from=whose.get(name, "default"),
                beneath=_in(beneath, name),
            )
            for name in _GROUP_OF
        ],
    )


def _in(rules: RulesInForce, name: str) -> Value:
    value: Value = getattr(rules.rules, name)
    return value


def _value(settings: kept.StoredSettings | None, name: str) -> Value | None:
    return None if settings is None else settings.changed.get(name)


def _shown(one: kept.StoredSettings, names: dict[str, str]) -> SettingsVersion:
    scope = one.scope
    return SettingsVersion(
        version=one.version,
        level=scope.level,
        gym=scope.gym,
        user=scope.user,
        user_name=None if scope.user is None else names.get(scope.user),
        values=dict(one.changed),
        note=one.note,
        set_by=one.set_by,
        set_at=at(one.set_us),
    )


def _outcome(matters: Matters, settings_and_time: str) -> Outcome:
    counts: dict[str, Counter[str]] = {}
    for one in matters.values():
        counts.setdefault(one.rule, Counter())[one.severity] += 1
    raised = [one for one in matters.values() if one.severity != "note"]
    members = len({one.user for one in raised})
    alerts = _counted(len(raised), "alert") if raised else "no alert"
    for_whom = f" for {_counted(members, 'member')}" if raised else ""
    return Outcome(
        alerts=len(raised),
        members=members,
        notes=len(matters) - len(raised),
        rules=[
            RuleCount(rule=rule, note=of["note"], warn=of["warn"], alert=of["alert"])
            for rule, of in sorted(counts.items())
        ],
        sentence=f"{settings_and_time} would have raised {alerts}{for_whom}.",
    )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


_Changed = tuple[Literal["new", "gone", "severity"], Matter, Matter | None, Matter | None]


def _changes(foreseen: Foreseen) -> list[_Changed]:
    """What is an alert by one of the settings and not so by the other, the latest first."""
    found: list[_Changed] = []
    for key in foreseen.present.keys() | foreseen.tried.keys():
        before, after = foreseen.present.get(key), foreseen.tried.get(key)
        was, would = (one is not None and one.severity != "note" for one in (before, after))
        one = after or before
        if one is None or not (was or would) or (before and after and before.severity == after.severity):
            continue
        found.append(("severity" if was and would else "new" if would else "gone", one, before, after))
    return sorted(found, key=lambda change: (-change[1].start_us, change[1].user, change[1].rule))


def _day(time_us: int) -> str:
    moment: datetime = at(time_us)
    return f"{moment.day} {moment:%b %Y}"
