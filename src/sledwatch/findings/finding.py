"""What a rule says when it is met, and how it says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sledwatch.events import Severity, Tier


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
