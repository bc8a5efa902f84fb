"""Whose reps are whose within a session on one badge, and whether to ask."""

from collections import defaultdict
from collections.abc import Sequence

from sledwatch.events import Rep
from sledwatch.findings import Finding
from sledwatch.findings.badge import badge_finding
from sledwatch.sharing import two_patterns
from sledwatch_analytics.nameless import NAMELESS
from sledwatch_storage.state.corrections import NOBODY, Correction


def shared_out(reps: Sequence[Rep], said: Sequence[Correction], user: str) -> dict[str, list[Rep]]:
    """The reps of each person, by what staff said of their sets; NOBODY's are discarded.

    user: whose badge it was; theirs is what nothing was said of, and there is always a share of theirs.
    """
    shares: defaultdict[str, list[Rep]] = defaultdict(list, {user: []})
    for rep in reps:
        correction = _of(rep, said)
        shares[user if correction is None else correction.user or NOBODY].append(rep)
    return dict(shares)


def question(reps: Sequence[Rep], said: Sequence[Correction], end_us: int) -> Finding | None:
    """Whether two people were on one badge, as a finding of a nameless member.

    None where one person explains the session, or where staff said of all sets of one pattern whose they are.
    """
    found = two_patterns(reps)
    if found is None:
        return None
    told = {rep.set for rep in reps if _of(rep, said) is not None}
    if any(told.issuperset(pattern.sets) for pattern in (found.first, found.second)):
        return None
    return badge_finding(found, end_us, NAMELESS)


def _of(rep: Rep, said: Sequence[Correction]) -> Correction | None:
    return next((one for one in said if one.covers(rep)), None)
