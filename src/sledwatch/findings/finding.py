"""What a rule says when it is met, and how it says it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sledwatch.events import Rep, Severity, Tier
from sledwatch.limits import ReferenceLoad

_TIMES: Final = {1: "once", 2: "twice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a rule saw.

    at_us: when the rule was first met; last_us: when it last was, None for the same. count: how often (reps, or 1).
    evidence: named figures with units in their names. limit_tier: of the depth limit it used, None without one.
    """

    rule: str
    severity: Severity
    at_us: int
    set: int | None
    count: int
    title: str
    message: str
    advice: str
    evidence: dict[str, Any]
    limit_tier: Tier | None
    last_us: int | None = None


def listed(words: Sequence[str]) -> str:
    """Words as a sentence names them: "1, 2 and 3"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def often(count: int) -> str:
    """How many times, in words."""
    return _TIMES.get(count, f"{count} times")


def in_sets(reps: Iterable[Rep]) -> str:
    """The sets that reps belong to: "in sets 1 and 3"."""
    numbers = [str(number) for number in sorted({rep.set for rep in reps})]
    return f"in set{'s' if len(numbers) > 1 else ''} {listed(numbers)}"


def load_against(load_kg: float, reference: ReferenceLoad | None, *, light: bool) -> str:
    """A load with its share of what it is measured against: "120 kg (80 % of e1RM, 150 kg)"."""
    load = f"{round(load_kg, 1):g} kg{', a light load' if light else ''}"
    share = None if reference is None else reference.share(load_kg)
    if reference is None or share is None:
        return load
    against = {"e1rm": "e1RM,", "e1rm-guess": "e1RM, a guess of", "best-load": "the best load,"}[reference.basis]
    return f"{load} ({100 * share:.0f} % of {against} {reference.kg:.0f} kg)"
