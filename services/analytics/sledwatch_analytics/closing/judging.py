"""Reps to findings where the seat was moved within a session, and findings as they are stored."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from sledwatch.alerts import finding_id
from sledwatch.events import Alert, Rep
from sledwatch.findings import Body, Finding, depth_findings, protocol_finding
from sledwatch.limits import DepthLimit, OwnHistory, ReferenceLoad, with_lifted
from sledwatch.machine import Basis
from sledwatch.protocol import Protocol
from sledwatch_analytics.measured import Pressing
from sledwatch_analytics.nameless import NAMELESS
from sledwatch_storage.state.findings import StoredFinding
from sledwatch_storage.state.machines import as_said


def judge_depth(
    reps: Sequence[Rep],
    pressing: Pressing,
    own: OwnHistory | None,
    reference: ReferenceLoad | None,
) -> list[Finding]:
    """The depth rules over a session, each run of reps against the limit of its own seat and foot setting.

    The findings are of a nameless member: see `of_member`.
    """

    def judged_by(rep: Rep) -> tuple[DepthLimit | None, Basis]:
        setup = pressing.setup_at(rep.t_start_us)
        return pressing.limit_of(setup), pressing.basis_of(setup)

    # The reference holds for the session whole: its best load may have been lifted at another notch.
    reference = with_lifted(reference, (rep.load_kg for rep in reps if rep.quality == "ok"))
    found: dict[str, Finding] = {}
    for (limit, basis), run in groupby(reps, judged_by):
        # What is merely assumed of a machine says nothing of hips.
        body = None if as_said(pressing.online) is None else Body(pressing.sex, basis)
        judged = [rep for rep in run if limit is None or not limit.sought_by(pressing.session, rep.rep)]
        for finding in depth_findings(judged, limit, own, reference, NAMELESS, pressing.machine, body):
            known = found.get(finding.rule)
            found[finding.rule] = finding if known is None else _together(known, finding)
    return list(found.values())


def judge_protocol(reps: Sequence[Rep], pressing: Pressing, protocol: Protocol | None) -> list[Finding]:
    """The protocol over a session; at most one finding, of a nameless member."""
    if protocol is None:
        return []
    setups = {pressing.setup_at(rep.t_start_us) for rep in reps} or {pressing.first_setup}
    bases = {pressing.basis_of(setup) for setup in setups}
    stops = [protocol.deepest_mm(pressing.gym, pressing.machine, pressing.fit_of(setup)) for setup in setups]
    known = [stop for stop in stops if stop is not None]
    found = protocol_finding(
        reps,
        protocol,
        NAMELESS,
        pressing.gym,
        pressing.machine,
        "reference" if "reference" in bases else "reach",
        min(known, default=None),
    )
    return [] if found is None else [found]


def _together(first: Finding, second: Finding) -> Finding:
    """One finding of two of the same rule: the louder one; else the one that went further, with the count of both."""
    if first.severity != second.severity:
        return second if first.severity == "note" else first
    further = max(first, second, key=lambda finding: finding.evidence.get("over_mm", finding.evidence["deepest_mm"]))
    last_us = max(second.at_us, second.last_us or second.at_us)
    return replace(further, at_us=first.at_us, last_us=last_us, count=first.count + second.count)


def of_member(finding: Finding, name: str) -> Finding:
    """A nameless member's finding with a name in its place: the real one for staff, the pseudonym for the wire."""
    return replace(
        finding,
        title=finding.title.replace(NAMELESS, name),
        message=finding.message.replace(NAMELESS, name),
        advice=finding.advice.replace(NAMELESS, name),
    )


def pseudonymous(alert: Alert, finding: Finding) -> Alert:
    """An alert for the wire: what leaves the house carries pseudonyms only."""
    worded = of_member(finding, alert.user or "somebody")
    return replace(alert, title=worded.title, message=worded.message, advice=worded.advice)


def as_stored(finding: Finding, *, session: str, gym: str, machine: str, user: str | None) -> StoredFinding:
    """A finding as a row, under an id that the next closing gives it again. user: None where it is about no member."""
    return StoredFinding(
        id=finding_id(finding.rule, gym, user, machine, session),
        session=session,
        gym=gym,
        machine=machine,
        user=user,
        rule=finding.rule,
        severity=finding.severity,
        at_us=finding.at_us,
        set=finding.set,
        count=finding.count,
        title=finding.title,
        message=finding.message,
        advice=finding.advice,
        evidence=finding.evidence,
        limit_tier=finding.limit_tier,
    )
