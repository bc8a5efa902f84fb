"""Back pain: noted, judged by what came before, and judged again where a closing changes that.

One pain is one finding and at most one alert, whatever it is noted on: `sledwatch.findings.pain`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from sledwatch import alerts as life
from sledwatch.events import Alert
from sledwatch.findings import Finding
from sledwatch.findings.pain import PAIN, Before, Noted, is_same_pain, pain_finding
from sledwatch.rules import DEFAULT_RULES, RulesInForce
from sledwatch_analytics.closing.judging import of_member, pseudonymous
from sledwatch_analytics.closing.raising import CLOSING, withdraw
from sledwatch_analytics.delivery.letters import tell
from sledwatch_analytics.nameless import NAMELESS
from sledwatch_storage.state import alerts as kept_alerts
from sledwatch_storage.state import notes as kept
from sledwatch_storage.state.days import DAY_US
from sledwatch_storage.state.findings import StoredFinding, findings_around, get_finding, put_finding, remove_finding
from sledwatch_storage.state.members import get_member
from sledwatch_storage.state.notes import BACK_PAIN, Note, StoredNote
from sledwatch_storage.state.rules import rules_in_force
from sledwatch_storage.state.sessions import sessions_of

# Who taps twice means it once.
TWICE_US: Final = 60 * 1_000_000
# Judgement: pain of longer ago, noted or explained only now, stays a finding and calls nobody.
NEWS_DAYS: Final = 30
# The setting's upper bound: no note further than this from a session is judged by it.
_MOST_DAYS: Final = 30
_NOT_ANY_MORE: Final = (
    "Withdrawn: by what is known now, nothing that counts came in the days before. The note of pain stays."
)


@dataclass(frozen=True, slots=True)
class NotedPain:
    """What came of noting pain. repeated: it was noted already. changed: the alerts that are new or have changed."""

    note: StoredNote
    repeated: bool
    changed: list[Alert]


def note_pain(
    connection: Connection,
    *,
    user: str,
    at_us: int,
    session: str | None,
    gym: str | None,
    machine: str | None,
    text: str | None,
    by: str,
    now_us: int,
) -> NotedPain:
    """Note that a member's back hurt, and judge it, within a writing transaction.

    The same of the same session within a minute is the same note; words that it did not have yet are put beneath it.
    """
    kept.hold(connection, [user])
    known = kept.of_user(connection, user)
    standing = kept.standing(known)
    same = next((one for one in known if (one.at_us, one.session) == (at_us, session)), None) or next(
        (one for one in standing if one.session == session and abs(one.at_us - at_us) <= TWICE_US), None
    )
    if same is not None:
        if text is not None and same.taken_back_us is None and text not in (same.text or ""):
            same = kept.add_words(connection, same, text)
        return NotedPain(same, True, [])
    near = [one for one in standing if is_same_pain(one.at_us, at_us)]
    nearest = min(near, key=lambda one: abs(one.at_us - at_us), default=None)
    matter = life.matter_id(PAIN, user, at_us) if nearest is None else nearest.matter
    note = kept.append(connection, Note(user, BACK_PAIN, at_us, session, gym, machine, text, matter, by, now_us))
    of_matter = sorted([*(one for one in standing if one.matter == matter), note], key=lambda one: (one.at_us, one.id))
    return NotedPain(note, False, _settle(connection, of_matter, now_us))


def take_back_pain(connection: Connection, user: str, note_id: int, by: str, now_us: int) -> list[Alert] | None:
    """Let a note stand no longer, and judge what is left, within a writing transaction; again changes nothing.

    Returns the alerts that have changed, None where there is no such note.
    """
    kept.hold(connection, [user])
    note = kept.get(connection, user, note_id)
    if note is None or note.taken_back_us is not None:
        return None if note is None else []
    kept.take_back(connection, note_id, by, now_us)
    left = [one for one in kept.standing(kept.of_user(connection, user)) if one.matter == note.matter]
    if left:
        return _settle(connection, left, now_us)
    remove_finding(connection, note.matter)
    return _withdraw(connection, note.matter, f"Withdrawn: {by} took the note of pain back.", now_us)


def judge_pain_again(
    connection: Connection, users: Collection[str], span_us: tuple[int, int], now_us: int
) -> list[Alert]:
    """Judge the pain anew that members noted in a session or in the days after, within a writing transaction.

    To be called by whatever changes findings, once they are written. users: whose they were and whose they are.
    span_us: of the session. Returns the alerts that are new or have changed.
    """
    felt = kept.felt_between(connection, users, span_us[0], span_us[1] + _MOST_DAYS * DAY_US)
    changed = []
    for user, matter in sorted({(note.user, note.matter) for note in kept.standing(felt)}):
        of_matter = [note for note in kept.standing(kept.of_user(connection, user)) if note.matter == matter]
        changed += _settle(connection, of_matter, now_us)
    return changed


def _settle(connection: Connection, notes: Sequence[StoredNote], now_us: int) -> list[Alert]:
    """Judge a matter by its standing notes, ascending, and write what is new."""
    matter, user = notes[0].matter, notes[0].user
    known = get_finding(connection, matter)
    where = _where(connection, notes)
    if where is None:
        # Nobody has seen them in any gym: there is nothing before, and no inbox that it would belong in.
        return []
    gym, machine, session = where
    in_force = rules_in_force(connection, gym, user) if known is None else _frozen(known)
    finding = pain_finding(
        [Noted(note.at_us, note.session) for note in notes],
        _before(connection, notes, in_force.rules.pain_days),
        NAMELESS,
        in_force.rules,
        in_force.version,
    )
    member = get_member(connection, user)
    named = of_member(finding, user if member is None or member.name is None else member.name)
    stored = StoredFinding(
        id=matter,
        session=session,
        gym=gym,
        machine=machine,
        user=user,
        rule=named.rule,
        severity=named.severity,
        at_us=named.at_us,
        set=named.set,
        count=named.count,
        title=named.title,
        message=named.message,
        advice=named.advice,
        evidence=named.evidence,
        limit_tier=named.limit_tier,
    )
    if stored != known:
        put_finding(connection, stored)
    if not life.becomes_alert(finding):
        return _withdraw(connection, matter, _NOT_ANY_MORE, now_us)
    return _raise(connection, matter, finding, named, stored, now_us)


def _raise(
    connection: Connection, matter: str, finding: Finding, named: Finding, stored: StoredFinding, now_us: int
) -> list[Alert]:
    known = kept_alerts.get_stored(connection, matter)
    if known is None and now_us - (named.last_us or named.at_us) > NEWS_DAYS * DAY_US:
        return []
    existing = None if known is None else known.alert
    if known is not None and known.changed_by == CLOSING:
        # What was withdrawn for want of anything before it comes back with what is found by now.
        existing = replace(known.alert, state="open")
        kept_alerts.mark(connection, matter, None, None)
    # Where it was raised first is where it stays.
    gym, machine, session = (
        (stored["gym"], stored["machine"], stored["session"])
        if existing is None
        else (existing.gym, existing.machine, existing.session)
    )
    raised = life.raise_or_repeat(
        existing,
        named,
        gym=gym,
        user=stored["user"],
        machine=machine,
        session=session,
        now=kept_alerts.at(now_us),
    )
    alert = replace(raised, id=matter)
    tell(connection, pseudonymous(alert, finding), now_us)
    if known is not None and alert == known.alert:
        return []
    kept_alerts.save(connection, alert, provisional=False)
    return [alert]


def _withdraw(connection: Connection, matter: str, why: str, now_us: int) -> list[Alert]:
    alert = kept_alerts.get(connection, matter)
    if alert is None or alert.state == "resolved":
        return []
    return [withdraw(connection, alert, why, now_us)]


def _where(connection: Connection, notes: Sequence[StoredNote]) -> tuple[str, str | None, str | None] | None:
    """Gym, machine and session of a matter: those of the first note on a session, else a gym alone."""
    on_session = next((note for note in notes if note.session is not None and note.gym is not None), None)
    if on_session is not None and on_session.gym is not None:
        return on_session.gym, on_session.machine, on_session.session
    gym = next((note.gym for note in notes if note.gym is not None), None)
    if gym is None:
        latest = sessions_of(connection, notes[0].user, None, 1)
        gym = latest[0]["gym"] if latest else None
    return None if gym is None else (gym, None, None)


def _frozen(known: StoredFinding) -> RulesInForce:
    """The rules that a matter was judged by first, which later judgements keep."""
    evidence = known["evidence"]
    return RulesInForce(DEFAULT_RULES.changed({"pain_days": evidence["pain_days"]}), evidence["rules_version"])


def _before(connection: Connection, notes: Sequence[StoredNote], pain_days: int) -> list[Before]:
    """What was found before, and what live has raised that no closing has looked at yet."""
    user, from_us, to_us = notes[0].user, notes[0].at_us - pain_days * DAY_US, notes[-1].at_us
    sessions = {note.session for note in notes if note.session is not None}
    found = [
        Before(one["rule"], one["severity"], one["at_us"], one["session"], one["machine"], one["evidence"])
        for one in findings_around(connection, user, from_us, to_us, sessions)
    ]
    live = [
        Before(one.rule, one.severity, kept_alerts.micros(one.first_at), one.session, one.machine, one.evidence, True)
        for one in kept_alerts.provisional_of(connection, user)
    ]
    return [*found, *live]
