"""What an alert's card shows. Plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.gyms import Gyms
from sledwatch_web.words import Evidence, Moment

# The shape beside a severity's word: nobody has to tell colours apart.
SHAPES: Final = {"alert": "triangle", "warn": "diamond", "note": "circle"}
# What can be done to an alert in each state; the first is the one to offer most plainly.
VERBS: Final = {
    "open": ("acknowledge", "resolve", "silence"),
    "acknowledged": ("resolve", "silence"),
    "silenced": ("resolve",),
    "resolved": (),
}
# The rule about messages, not people: it leads to where they are.
QUARANTINE: Final = "machine.quarantine"
# While it is open it stands above all others.
PAIN: Final = "pain.reported"
SHARED_BADGE: Final = "badge.shared"
VERB_WORDS: Final = {"acknowledge": "Acknowledge", "silence": "Silence", "resolve": "Resolve"}
VERB_HINTS: Final = {
    "acknowledge": "You have seen it and will see to it",
    "silence": "Keep counting, but stop calling for attention",
    "resolve": "It is done with",
}
TOLD: Final = {
    "acknowledge": "Acknowledged.",
    "silence": "Silenced: it goes on counting and calls for no attention.",
    "resolve": "Resolved.",
    "comments": "Comment added.",
}


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote under an alert."""

    author: str
    at: Moment | None
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """An alert: what happened, what to do, and what it rests on."""

    id: str
    severity: str
    severity_word: str
    shape: str
    state: str
    state_word: str
    title: str
    message: str
    advice: str
    who: str
    member_href: str | None
    session_href: str | None
    refused_href: str | None
    machine_href: str | None
    sets_href: str | None
    where: str
    last: Moment | None
    first: Moment | None
    count: int
    evidence: Evidence
    tier: str
    comments: tuple[Comment, ...]
    verbs: tuple[str, ...]
    first_of_all: bool

    @property
    def live(self) -> bool:
        """Whether it still asks for somebody."""
        return self.state == "open"


def sets_href(shared: Json) -> str:
    """Where to say whose sets they were, those of the second pattern ticked. shared: the alert or finding that asks."""
    ticked = ",".join(str(number) for number in shared["evidence"]["patterns"][1]["sets"])
    return f"/sessions/{shared['session']}/sets?chosen={ticked}"


def card(alert: Json, gyms: Gyms, now_us: int) -> Card:
    """The card of an alert, or of a finding (which has no life of its own: no state, no verbs)."""
    zone = gyms.time_zone(alert.get("gym"))
    state: str = alert.get("state", "")
    severity: str = alert["severity"]
    place = [alert.get("machine"), gyms.name(alert["gym"]) if alert.get("gym") else None]
    user = alert.get("user")
    return Card(
        id=alert["id"],
        severity=severity,
        severity_word=words.SEVERITIES.get(severity, severity),
        shape=SHAPES.get(severity, "circle"),
        state=state,
        state_word=words.ALERT_STATES.get(state, state),
        title=alert.get("title") or words.rule(alert["rule"]),
        message=words.keep_units(alert["message"]),
        advice=words.keep_units(alert["advice"]),
        who=alert.get("user_name") or user or "",
        member_href=f"/members/{user}" if user else None,
        session_href=f"/sessions/{alert['session']}" if alert.get("session") else None,
        refused_href=f"/quarantine?gym={alert['gym']}" if alert["rule"] == QUARANTINE else None,
        machine_href=_machine_href(alert),
        sets_href=sets_href(alert) if alert["rule"] == SHARED_BADGE else None,
        where=", ".join(part for part in place if part),
        last=words.moment(alert.get("last_at") or alert.get("at"), zone, now_us),
        first=words.moment(alert.get("first_at"), zone, now_us),
        count=alert.get("count") or 1,
        evidence=words.evidence(alert.get("evidence") or {}, zone),
        tier=words.tier(alert.get("limit_tier")),
        comments=tuple(
            Comment(one["author"], words.moment(one["at"], zone, now_us), one["text"])
            for one in alert.get("comments") or ()
        ),
        verbs=VERBS.get(state, ()),
        first_of_all=(alert["rule"], state) == (PAIN, "open"),
    )


def _machine_href(alert: Json) -> str | None:
    """Where more is said about the machine that an alert is about; of people's alerts it is only where they were."""
    if not alert["rule"].startswith("machine.") or not (alert.get("gym") and alert.get("machine")):
        return None
    return f"/machines/{alert['gym']}/{alert['machine']}#sensors"


def by_state(cards: Sequence[Card]) -> tuple[list[Card], list[Card]]:
    """Cards that still ask for somebody, pain above all, and those dealt with; newest first, as they come in live."""
    newest = sorted(cards, key=lambda one: (one.first_of_all, one.last.iso if one.last else ""), reverse=True)
    return [one for one in newest if one.live], [one for one in newest if not one.live]
