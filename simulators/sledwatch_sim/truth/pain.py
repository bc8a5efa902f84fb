"""What a back that hurts entails, once it is noted (docs/science.md, Pain)."""

from collections.abc import Sequence
from typing import Final

from sledwatch_sim.truth.expected import Expected

RULE: Final = "pain.reported"
_ABOUT_THEM: Final = ("depth", "protocol", "workload")


def hurts(found: Sequence[Expected]) -> bool:
    """Whether a back that tells when it went too deep does so after this session: only where it surely did."""
    return any(one.rule == "depth.excessive" and not one.near for one in found)


def pain_reported(found: Sequence[Expected]) -> Expected:
    """Pain noted in a session or half a day after it. found: what the session entails.

    An alert after excessive depth or a warning of depth, protocol or workload. Where the session has none that is sure,
    the seven days before it decide, which are not known here.
    """
    loud = [one for one in found if one.severity != "note" and one.rule.split(".")[0] in _ABOUT_THEM]
    if any(not one.near and not one.severity_near for one in loud):
        return Expected(RULE, "alert")
    return Expected(RULE, "alert" if loud else "note", severity_near=True)
