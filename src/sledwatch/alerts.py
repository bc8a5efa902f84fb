"""The life of an alert: raise, repeat, acknowledge, silence, resolve.

One alert for one matter: the same rule about the same person, machine and session is the same alert, whoever raises it
and however often. A finding of severity note stays a finding.
"""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sledwatch.events import Alert, AlertState
from sledwatch.findings import Finding

Verb = Literal["acknowledge", "silence", "resolve"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# From where each verb may be said. Saying it again changes nothing; what is resolved is over, until it happens again.
_BECOMES: Final[dict[Verb, AlertState]] = {
    "acknowledge": "acknowledged",
    "silence": "silenced",
    "resolve": "resolved",
}
_FROM: Final[dict[Verb, frozenset[AlertState]]] = {
    "acknowledge": frozenset({"open", "acknowledged", "silenced"}),
    "silence": frozenset({"open", "acknowledged", "silenced"}),
    "resolve": frozenset({"open", "acknowledged", "silenced", "resolved"}),
}


class IllegalTransition(ValueError):
    """A verb that an alert in this state does not take."""

    def __init__(self, verb: Verb, state: AlertState) -> None:
        super().__init__(f"cannot {verb} an alert that is {state}")
        self.verb = verb
        self.state = state


def alert_id(rule: str, gym: str, user: str | None, machine: str | None, session: str | None) -> str:
    """Name the matter an alert is about: 32 hex digits, the same at every raising."""
    return _digest("alert", rule, gym, user, machine, session)


def finding_id(rule: str, gym: str, user: str | None, machine: str | None, session: str | None) -> str:
    """Name a finding: 32 hex digits, so that a second closing finds the same. A session has one finding a rule."""
    return _digest("finding", rule, gym, user, machine, session)


def matter_id(rule: str, user: str, began_us: int) -> str:
    """Name a matter of a person that is tied to no session: 32 hex digits, for its finding and its alert."""
    return _digest("matter", rule, user, str(began_us))


def _digest(*parts: str | None) -> str:
    # As JSON, so that ("a", "bc") and ("ab", "c") differ, and None differs from "".
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def becomes_alert(finding: Finding) -> bool:
    """Whether a finding belongs in the inbox: severity warn or alert."""
    return finding.severity != "note"


def raise_or_repeat(
    existing: Alert | None,
    finding: Finding,
    *,
    gym: str,
    user: str | None,
    machine: str | None,
    session: str | None,
    now: datetime,
) -> Alert:
    """The alert of a finding: a new one, or the existing one brought up to date.

    Its times are those of the event, and no later than `now` (a machine's clock may run ahead). The existing alert
    keeps its id, first time and state; one that was resolved opens again only if the count rose since, or the severity:
    what was settled as a warn was not settled as an alert. Count, words, severity and evidence are the finding's: it
    has seen the whole session. Raising the same twice changes nothing.
    """
    first_at = min(_moment(finding.at_us), now)
    last_at = min(_moment(finding.at_us if finding.last_us is None else finding.last_us), now)
    state: AlertState = "open"
    if existing is not None:
        first_at, last_at = existing.first_at, max(existing.last_at, last_at)
        worse = (existing.severity, finding.severity) == ("warn", "alert")
        reopened = existing.state == "resolved" and (finding.count > existing.count or worse)
        state = "open" if reopened else existing.state
    return Alert(
        id=existing.id if existing is not None else alert_id(finding.rule, gym, user, machine, session),
        gym=gym,
        user=user,
        machine=machine,
        session=session,
        rule=finding.rule,
        severity=finding.severity,
        state=state,
        count=finding.count,
        first_at=first_at,
        last_at=last_at,
        title=finding.title,
        message=finding.message,
        advice=finding.advice,
        evidence=finding.evidence,
        limit_tier=finding.limit_tier,
    )


def transition(state: AlertState, verb: Verb) -> AlertState:
    """The state after a verb. Raises IllegalTransition: what is resolved takes no acknowledgement and no silence."""
    if state not in _FROM[verb]:
        raise IllegalTransition(verb, state)
    return _BECOMES[verb]


def acknowledge(alert: Alert) -> Alert:
    """Somebody has seen it and takes care. Raises IllegalTransition for a resolved alert."""
    return replace(alert, state=transition(alert.state, "acknowledge"))


def silence(alert: Alert) -> Alert:
    """Nobody wants to hear of it again; it goes on counting. Raises IllegalTransition for a resolved alert."""
    return replace(alert, state=transition(alert.state, "silence"))


def resolve(alert: Alert) -> Alert:
    """The matter is settled. It opens again only if it happens again."""
    return replace(alert, state=transition(alert.state, "resolve"))


def _moment(t_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=t_us)
