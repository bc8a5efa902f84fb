"""What the workload rules look at when a session has closed."""

from dataclasses import dataclass, field
from datetime import date

from sledwatch.rules import RulesInForce
from sledwatch.workload.sessions import Sessions


@dataclass(frozen=True, slots=True)
class WorkloadContext:
    """A session of a member, and what was known of them when it closed.

    sessions: those of one member, the judged session included; later ones are not looked at.
    session: the id of the judged session.
    time_zone: IANA name; says what a day is.
    missing_days: local days of which a machine that the member used has lost or outstanding numbers.
    rules: those in force for this member, with their version.
    """

    sessions: Sessions
    session: str
    time_zone: str
    missing_days: frozenset[date]
    member_name: str
    rules: RulesInForce = field(default_factory=RulesInForce)
