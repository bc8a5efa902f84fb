"""What the first closing judged a session by, kept for later ones: limits by setup, the protocol, and the rules."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sledwatch.events import Rep, Setup
from sledwatch.limits import DepthLimit
from sledwatch.protocol import Protocol
from sledwatch.rules import DEFAULT_RULES, RulesInForce
from sledwatch_storage.state.sessions import StoredSession


class _Judged(msgspec.Struct, frozen=True):
    """A setup, and the limit that held for it."""

    setup: Setup | None
    limit: DepthLimit | None


class Frozen(msgspec.Struct, frozen=True):
    """What a closing froze, as it is kept.

    rules: the values that were not the defaults, by name; none in sessions that were closed before there were any.
    """

    limits: tuple[_Judged, ...]
    protocol: Protocol | None
    rules: dict[str, bool | int | float] = {}
    rules_version: int = 0

    def by_setup(self) -> dict[Setup | None, DepthLimit | None]:
        """The limits, by the setup they held for."""
        return {one.setup: one.limit for one in self.limits}

    def in_force(self) -> RulesInForce:
        """The rules of overuse, with the version that they had."""
        return RulesInForce(DEFAULT_RULES.changed(self.rules), self.rules_version)


def freeze(
    limits: Mapping[Setup | None, DepthLimit | None], protocol: Protocol | None, rules: RulesInForce
) -> dict[str, Any]:
    """Ready for JSON."""
    judged = tuple(_Judged(setup, limit) for setup, limit in limits.items())
    frozen = Frozen(judged, protocol, rules.rules.differing(), rules.version)
    built: dict[str, Any] = msgspec.to_builtins(frozen)
    return built


def frozen_of(
    session: StoredSession | None,
    first_setup: Setup | None,
    reps: Sequence[Rep],
    setup_at: Callable[[int], Setup | None],
) -> Frozen | None:
    """What an earlier closing froze; None before the first.

    Sessions that were closed before all of it was kept have the limit of their start, and those of their reps.
    """
    if session is None or session["closed_version"] is None:
        return None
    frozen = Frozen((), None) if session["frozen"] is None else msgspec.convert(session["frozen"], Frozen)
    # A closing freezes at least the limit of the start; a reanalysis puts rules beside whatever there is.
    if frozen.limits:
        return frozen
    version = session["limit_version"] or 0
    limits: dict[Setup | None, DepthLimit | None] = {first_setup: _limit_in(session)}
    for rep in reps:
        limit = None
        if rep.limit_mm is not None and rep.limit_tier is not None:
            limit = DepthLimit(rep.limit_mm, rep.limit_tier, version)
        limits.setdefault(setup_at(rep.t_start_us), limit)
    return msgspec.structs.replace(frozen, limits=tuple(_Judged(setup, limit) for setup, limit in limits.items()))


def _limit_in(session: StoredSession) -> DepthLimit | None:
    limit_mm, tier, version = session["limit_mm"], session["limit_tier"], session["limit_version"]
    if limit_mm is None or tier is None:
        return None
    return DepthLimit(limit_mm, tier, version or 0)
