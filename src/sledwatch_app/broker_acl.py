"""Who may say and hear what at the broker, as Mosquitto's ACL file."""

from collections.abc import Iterable, Mapping
from typing import Final

from sledwatch.events import ROOT, TopicKind

_SAID_BY_MACHINES: Final = (TopicKind.STATE, TopicKind.SESSION, TopicKind.FRAME)
_SAID_TO_MACHINES: Final = (TopicKind.STORED, TopicKind.LIMIT, TopicKind.CUE)

Rights = Mapping[str, tuple[TopicKind, ...]]

# Stores what machines publish, and tells them so.
_INGEST: Final[Rights] = {"read": _SAID_BY_MACHINES, "write": (TopicKind.STORED,)}
# Follows machines live: limits and cues to them, reps and alerts to whoever listens.
_ANALYTICS: Final[Rights] = {
    "read": _SAID_BY_MACHINES,
    "write": (TopicKind.LIMIT, TopicKind.CUE, TopicKind.REP, TopicKind.ALERT),
}
# A gateway that speaks for all machines: `sledwatch simulate` and `replay`, which leaves a State as it found it.
_SIMULATOR: Final[Rights] = {
    "readwrite": (TopicKind.STATE,),
    "write": (TopicKind.SESSION, TopicKind.FRAME),
    "read": _SAID_TO_MACHINES,
}
_MACHINE: Final[Rights] = {"write": _SAID_BY_MACHINES, "read": _SAID_TO_MACHINES}

_HEAD: Final = """\
# Written by `sledwatch credentials`; lines of your own go to acl.local beside the directory of this file.
# Mosquitto grants every subscription and looks here again for each message that it would deliver. A user without lines
# may do nothing.
"""

SERVICES: Final = ("ingest", "analytics", "simulator", "monitor")


def acl(machines: Iterable[str], of_ones_own: str = "") -> str:
    """The ACL of a gym's broker. machines: users, GYM/MACHINE, each allowed to be itself. of_ones_own: more lines.

    Each machine has lines of its own: a pattern with %u would do for Mosquitto 2.0, but 2.1 takes no "/" in one.
    """
    services = {"ingest": _INGEST, "analytics": _ANALYTICS, "simulator": _SIMULATOR}
    parts = [_HEAD, *(_user(name, "+/+", rights) for name, rights in services.items())]
    parts.append("user monitor\ntopic read $SYS/#\n")
    parts += [_user(machine, machine, _MACHINE) for machine in sorted(machines)]
    return "\n".join([*parts, of_ones_own] if of_ones_own else parts)


def _user(name: str, whom: str, rights: Rights) -> str:
    lines = [f"user {name}"]
    for access, kinds in rights.items():
        for kind in kinds:
            where = whom.split("/", maxsplit=1)[0] if kind is TopicKind.ALERT else whom
            lines.append(f"topic {access} {ROOT}/{where}/{kind.value}")
    return "".join(f"{line}\n" for line in lines)
