"""What a closing makes of a session's alerts: one a matter, repeated by counting, withdrawn where it does not hold."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from sledwatch import alerts as life
from sledwatch.events import Alert
from sledwatch.findings import Finding
from sledwatch_analytics.closing.judging import of_member, pseudonymous
from sledwatch_analytics.delivery.letters import tell, tell_withdrawn
from sledwatch_storage.state import alerts as kept_alerts
from sledwatch_storage.state.alerts import StoredAlert

# Whose word it is when nobody's hand changed an alert.
CLOSING: Final = "closing"
NOT_CONFIRMED: Final = (
    "Withdrawn: with all samples of the session stored, the rule is not met. What was shown live was provisional."
)
NOT_ANY_MORE: Final = (
    "Withdrawn: with the samples stored by now, and the sets assigned as they are, the rule is not met any more."
)
WORKLOAD: Final = "workload."
JUDGED_RULES: Final = ("badge.", "depth.", "protocol.", WORKLOAD)
# Judgement: nobody wants a letter about last March because something of last February has come to light.
NEWS_US: Final = 7 * 86_400 * 1_000_000


def settle_alerts(
    connection: Connection,
    findings: Sequence[Finding],
    member_name: str,
    whose: Mapping[str, str],
    now_us: int,
    *,
    may_withdraw: bool,
    is_news: bool = True,
    judged_rules: tuple[str, ...] = JUDGED_RULES,
    why: str | None = None,
) -> list[Alert]:
    """Raise, repeat and withdraw, within a closing's transaction; returns the alerts that are new or have changed.

    findings: of a nameless member, all that the closing found. whose: gym, user, machine and session. may_withdraw: all
    samples are there; while some are missing, what only live has heard, and somebody may have acknowledged, stays.
    is_news: else it is an old session of which nothing has arrived; what others have changed of its workload raises no
    new alert, and nobody gets a letter about it. judged_rules: what the rules that were looked at begin with; alerts of
    others stay as they are. why: what is said of alerts that are withdrawn, where it is not for want of samples.
    """
    changed, raised = [], set()
    for finding in filter(life.becomes_alert, findings):
        known = _known(connection, finding, whose)
        existing = None if known is None else known.alert
        if existing is None and not is_news and finding.rule.startswith(WORKLOAD):
            continue
        if existing is not None and len(_visit(existing.evidence)) > len(_visit(finding.evidence)):
            # A later session of the visit has said more; this one, closed again, has nothing to add.
            continue
        if known is not None and known.changed_by == CLOSING:
            # What a closing withdrew, a closing that has seen more brings back.
            existing = replace(known.alert, state="open")
            kept_alerts.mark(connection, existing.id, None, None)
        matter = whose if existing is None else _matter(existing)
        named = of_member(finding, member_name)
        alert = life.raise_or_repeat(existing, named, **matter, now=kept_alerts.at(now_us))
        raised.add(alert.id)
        if known is None or known.provisional or alert != known.alert:
            kept_alerts.save(connection, alert, provisional=False)
            changed.append(alert)
        if is_news or not finding.rule.startswith(WORKLOAD):
            tell(connection, pseudonymous(alert, finding), now_us)
    former = [
        one.alert for one in kept_alerts.of_session(connection, whose["session"]) if may_withdraw or not one.provisional
    ]
    unfounded = [
        alert for alert in former if alert.id not in raised and _is_judged_by(alert, whose["session"], judged_rules)
    ]
    held_back = {
        finding.rule: str(finding.evidence["withheld"]) for finding in findings if "withheld" in finding.evidence
    }
    unmet = why or (NOT_CONFIRMED if may_withdraw else NOT_ANY_MORE)
    said = [f"Withdrawn: {held_back[alert.rule]}." if alert.rule in held_back else unmet for alert in unfounded]
    return changed + [withdraw(connection, *one, now_us) for one in zip(unfounded, said, strict=True)]


def withdraw(connection: Connection, alert: Alert, why: str, now_us: int) -> Alert:
    """Take back an alert that does not hold, and say why, within a writing transaction; returns it as it is then."""
    withdrawn = life.resolve(alert)
    kept_alerts.save(connection, withdrawn, provisional=False)
    kept_alerts.mark(connection, alert.id, CLOSING, now_us)
    kept_alerts.comment(connection, alert.id, CLOSING, now_us, why)
    # The words may hold the member's name; what leaves the house says what matters now.
    tell_withdrawn(connection, replace(withdrawn, message=why, advice=""), now_us)
    return withdrawn


def _known(connection: Connection, finding: Finding, whose: Mapping[str, str]) -> StoredAlert | None:
    """The alert that a finding is about, where there is one already.

    Workload looks at visits: what an earlier session of the visit has raised is the same matter, grown.
    """
    for session in _visit(finding.evidence):
        for one in kept_alerts.of_session(connection, session):
            if one.alert.rule == finding.rule and one.alert.user == whose["user"]:
                return one
    alert_id = life.alert_id(finding.rule, whose["gym"], whose["user"], whose["machine"], whose["session"])
    return kept_alerts.get_stored(connection, alert_id)


def _matter(alert: Alert) -> dict[str, str | None]:
    return {"gym": alert.gym, "user": alert.user, "machine": alert.machine, "session": alert.session}


def _is_judged_by(alert: Alert, session: str, rules: tuple[str, ...]) -> bool:
    """Whether it is for the closing of this session to say that an alert does not hold; what is settled stays so."""
    raised_by = _visit(alert.evidence)[-1:]
    return alert.rule.startswith(rules) and alert.state != "resolved" and raised_by in ([], [session])


def _visit(evidence: Mapping[str, Any]) -> list[str]:
    """The sessions that were judged as one; none where a rule looks at one session only."""
    sessions_of_visit: list[str] = evidence.get("sessions_of_visit", [])
    return sessions_of_visit
