"""What is asked of a store of derived series: copies of what was made of the samples, for Grafana to draw.

The state DB has the originals. Nothing of ours reads the copies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sledwatch.events import Rep, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCopy:
    """A closed session with its reps, as its latest closing left it. Figures are None where they are not known."""

    session: str
    gym: str
    machine: str
    user: str
    start_us: int
    end_us: int | None
    source: str
    hard_sets: int | None
    work_j: float | None
    tonnage_kg: float | None
    top_load_kg: float | None
    limit_mm: float | None
    limit_tier: Tier | None
    reps: tuple[Rep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCopy:
    """What befell a machine. id: names it for ever. kind: online | offline | gap; detail: JSON."""

    id: int
    gym: str
    machine: str
    boot: str
    kind: str
    at_us: int
    detail: dict[str, Any] | None


class DerivedSeries(Protocol):
    """Copies by what they are of. Safe to use from several threads.

    Each method raises StoreUnavailable; what it was to do may be done in part then, and doing it again is right.
    """

    def put_sessions(self, copies: Sequence[SessionCopy]) -> None:
        """Store sessions, each in the place of its former copy: reps that it no longer has are gone.

        Durable on return. Raises StoreRefused for those that will never be taken; all others are stored.
        """

    def put_events(self, copies: Sequence[EventCopy]) -> None:
        """Store what befell machines, each once however often it is put. Durable on return. Raises StoreRefused."""

    def forget(self, user: str) -> None:
        """Delete all that is of a member. Copies that are put meanwhile may stay."""

    def close(self) -> None:
        """Let go of connections; closing twice is fine."""
