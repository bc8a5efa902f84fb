"""Rules about machines, for whoever manages the floor: `machine.*`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sledwatch.findings.finding import Finding

QUARANTINE: Final = "machine.quarantine"


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages of a gym that were refused for a reason, and how many of them went for want of room, ever.

    last_us: when the last of those went.
    """

    reason: str
    refused: int
    dropped: int
    last_us: int


def quarantine_finding(lost: Sequence[Lost]) -> Finding | None:
    """That refused messages of a gym are gone before anybody could look at them; None where none are.

    lost: of one gym, by reason. Counts by messages gone, so that the matter opens again when more go.
    """
    worst = sorted((one for one in lost if one.dropped), key=lambda one: (-one.dropped, one.reason))
    if not worst:
        return None
    dropped = sum(one.dropped for one in worst)
    return Finding(
        rule=QUARANTINE,
        severity="warn",
        at_us=min(one.last_us for one in worst),
        last_us=max(one.last_us for one in worst),
        set=None,
        count=dropped,
        title="Refused messages are being lost",
        message="Machines sent messages that could not be stored, and the list that keeps such messages is full: "
        f"{dropped} went before anybody had looked. The usual reason: {worst[0].reason}.",
        advice="See under Refused messages which machine it is, and why. Mend the machine or update Sledwatch, then "
        "replay what is still kept.",
        evidence={
            "messages_lost": dropped,
            "messages_refused": sum(one.refused for one in lost),
            "reasons": [{"reason": one.reason, "lost": one.dropped, "refused": one.refused} for one in worst],
        },
        limit_tier=None,
    )
