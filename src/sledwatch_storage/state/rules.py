"""Settings of the rules of overuse, in the state DB: of the organisation, of its gyms and of members, all versions.

A gym's values go before those of the organisation, a member's before both. Nothing is ever altered: what is changed or
taken back is a version of its own, and versions count up over all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, Engine, RowMapping, bindparam, func, insert, or_, select, text

from sledwatch.rules import DEFAULT_RULES, RulesInForce
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import rule_setting as table

Level = Literal["organisation", "gym", "member"]
Values = Mapping[str, float | bool]


class Scope(NamedTuple):
    """Whom a setting is for: a gym, a member (in every gym), or the whole organisation where neither is given."""

    gym: str | None = None
    user: str | None = None

    @property
    def level(self) -> Level:
        """What kind of scope it is."""
        return "member" if self.user is not None else "gym" if self.gym is not None else "organisation"

    def __str__(self) -> str:
        return {"member": f"member {self.user}", "gym": f"gym {self.gym}", "organisation": "the organisation"}[
            self.level
        ]


ORGANISATION: Final = Scope()


class SettingsConflict(ValueError):
    """The values do not go together with those of another scope; the message says which."""


class SettingsOutdated(Exception):
    """Somebody has changed the settings meanwhile; the message says to which version."""


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """A version of a scope's settings. changed: values by name; empty where all were taken back."""

    version: int
    scope: Scope
    changed: Values
    note: str | None
    set_by: str
    set_us: int


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The newest version of every scope: says the rules in force for anybody without asking the state DB again."""

    newest: Mapping[Scope, StoredSettings]
    _made: dict[tuple[int, ...], RulesInForce] = field(default_factory=dict, compare=False, repr=False)

    def layers(self, gym: str | None, user: str | None) -> list[StoredSettings]:
        """What applies to a member in a gym, the organisation's first."""
        scopes = dict.fromkeys((ORGANISATION, Scope(gym=gym), Scope(user=user)))
        return [self.newest[scope] for scope in scopes if scope in self.newest]

    def of(self, gym: str | None, user: str | None) -> RulesInForce:
        """The rules in force for a member in a gym; their version is the newest of those that apply."""
        layers = self.layers(gym, user)
        key = tuple(layer.version for layer in layers)
        if key not in self._made:
            # All at once: the values of one layer may be in order only by those of another.
            values = {name: value for layer in layers for name, value in layer.changed.items()}
            self._made[key] = RulesInForce(DEFAULT_RULES.changed(values), max(key, default=0))
        return self._made[key]

    def with_changed(self, scope: Scope, changed: Values) -> "RuleBook":
        """As it would be with other values in a scope, which count as the newest of all."""
        version = 1 + max((one.version for one in self.newest.values()), default=0)
        tried = StoredSettings(version, scope, dict(changed), None, "", 0)
        return RuleBook({**self.newest, scope: tried})

    def require_sound(self, scope: Scope) -> None:
        """Raises SettingsConflict where what is set in a scope does not go together with what others have set.

        Raises ValueError for what cannot be whatever others have set.
        """
        alone = _fault_of(self.newest[scope].changed)
        gyms = [scope.gym] if scope.level == "gym" else [None, *(one.gym for one in self.newest if one.gym)]
        users = [scope.user] if scope.level == "member" else [None, *(one.user for one in self.newest if one.user)]
        for gym in gyms:
            for user in users:
                try:
                    self.of(gym, user)
                except ValueError as error:
                    others = [str(one.scope) for one in self.layers(gym, user) if one.scope != scope and one.changed]
                    if not others or str(error) == alone:
                        raise
                    raise SettingsConflict(f"{error} (together with what {' and '.join(others)} has set)") from None


def _fault_of(changed: Values) -> str | None:
    """What is wrong with values by themselves, above the defaults."""
    try:
        DEFAULT_RULES.changed(changed)
    except ValueError as error:
        return str(error)
    return None


_newest = select(func.max(table.c.version))
_same_gym = table.c.gym == bindparam("gym")
_same_user = table.c.user == bindparam("of_user")
# Closing asks this for each session: building a statement costs more than executing it.
_IN_FORCE: Final = select(table).where(
    or_(
        table.c.version == _newest.where(table.c.user.is_(None), table.c.gym.is_(None)).scalar_subquery(),
        table.c.version == _newest.where(table.c.user.is_(None), _same_gym).scalar_subquery(),
        table.c.version == _newest.where(_same_user).scalar_subquery(),
    )
)
_OF_ALL: Final = select(table).where(table.c.version.in_(_newest.group_by(table.c.user, table.c.gym)))


def rules_in_force(bind: Bind, gym: str | None, user: str | None) -> RulesInForce:
    """The rules that hold for a member in a gym: the defaults, and what organisation, gym and member have changed.

    None: of no gym in particular, of no member in particular. The version is the newest of those that apply, 0 where
    nobody ever changed any.
    """
    with reading(bind) as connection:
        return _book(connection.execute(_IN_FORCE, {"gym": gym, "of_user": user}).mappings()).of(gym, user)


def rules_of_all(bind: Bind) -> RuleBook:
    """The newest settings of all scopes, read at once."""
    with reading(bind) as connection:
        return _book(connection.execute(_OF_ALL).mappings())


def put_settings(
    engine: Engine,
    scope: Scope,
    changed: Values,
    *,
    note: str | None,
    set_by: str,
    now_us: int,
    seen_version: int | None = None,
) -> StoredSettings:
    """Set the values of a scope, in place of all that it has; empty: take them back. A version of its own.

    seen_version: of the scope, as whoever decided this has seen it; 0 where it had none; None: whatever it is.
    Raises ValueError for a value that cannot be, SettingsConflict, and SettingsOutdated.
    """
    with begin(engine) as connection:
        # Versions are given in the order in which they come to hold.
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE rule_setting IN SHARE ROW EXCLUSIVE MODE"))
        book = rules_of_all(connection)
        standing = book.newest[scope].version if scope in book.newest else 0
        if seen_version not in (None, standing):
            raise SettingsOutdated(f"the settings of {scope} are at version {standing} now, not {seen_version}")
        tried = book.with_changed(scope, changed)
        tried.require_sound(scope)
        stored = StoredSettings(tried.newest[scope].version, scope, dict(changed), note, set_by, now_us)
        connection.execute(
            insert(table).values(
                version=stored.version,
                gym=scope.gym,
                user=scope.user,
                changed=dict(changed),
                note=note,
                set_by=set_by,
                set_us=now_us,
            )
        )
        return stored


def list_settings(
    bind: Bind, scope: Scope | None = None, before: int | None = None, limit: int = 100
) -> list[StoredSettings]:
    """All versions, of one scope or of all, the newest first, at most `limit`; before: those of lower numbers."""
    query = select(table).order_by(table.c.version.desc()).limit(limit)
    if scope is not None:
        query = query.where(_is_of(scope))
    if before is not None:
        query = query.where(table.c.version < before)
    with reading(bind) as connection:
        return [_stored(row) for row in connection.execute(query).mappings()]


def _is_of(scope: Scope) -> ColumnElement[bool]:
    return table.c.gym.is_not_distinct_from(scope.gym) & table.c.user.is_not_distinct_from(scope.user)


def _book(rows: Iterable[RowMapping]) -> RuleBook:
    found = [_stored(row) for row in rows]
    return RuleBook({one.scope: one for one in found})


def _stored(row: RowMapping) -> StoredSettings:
    scope = Scope(row["gym"], row["user"])
    return StoredSettings(row["version"], scope, row["changed"], row["note"], row["set_by"], row["set_us"])
