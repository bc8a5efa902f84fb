"""What a message changes in the books of ingest: the rules of the ledger, on plain rows.

Each class is a row of the table that its docstring names, field for field. `ledger.record` loads the rows, applies the
messages of a batch in order of arrival, and writes back what has changed.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from sledwatch.events import Event, Frame, Offline, Online, Session, SessionEnd, SessionSetup, SessionStart
from sledwatch_storage.state import ranges
from sledwatch_storage.state.ranges import Range

REBOOT = "reboot"


@dataclass(slots=True)
class MachineRow:
    """`machine`: the latest State, and when anything was last heard."""

    gym: str
    machine: str
    seen_us: int
    boot: str | None = None
    status: str | None = None
    online: dict[str, Any] | None = None
    status_us: int | None = None

    def heard(self, at_us: int) -> None:
        """Something came from it."""
        self.seen_us = max(self.seen_us, at_us)

    def came_online(self, state: Online, at_us: int) -> None:
        """Its boot is this one from now on."""
        if (self.boot, self.status) != (state.boot, "online"):
            self.boot, self.status, self.status_us = state.boot, "online", at_us
        self.online = msgspec.to_builtins(state)

    def went_offline(self, state: Offline, at_us: int) -> None:
        """The will of an earlier boot, which a broker may send late, says nothing about this one."""
        if self.boot not in {None, state.boot}:
            return
        if self.status != "offline":
            self.boot, self.status, self.status_us = state.boot, "offline", at_us

    def held(self) -> list[str]:
        """The earlier boots of which it still keeps something, as its last State said."""
        if self.online is None:
            return []
        return list(dict.fromkeys(held["boot"] for held in self.online["held"] if held["boot"] != self.boot))


@dataclass(slots=True)
class BootRow:
    """`ledger`: what has become of the numbers of one boot."""

    gym: str
    machine: str
    boot: str
    updated_us: int
    ranges: list[Range] = field(default_factory=list)
    refused_ranges: list[Range] = field(default_factory=list)
    oldest_seq: int = 0
    online_us: int | None = None
    received: int = 0
    repeated: int = 0
    refused: int = 0
    disordered: int = 0
    out_of_range: int = 0
    clock: dict[str, Any] | None = None

    def settled(self) -> list[Range]:
        """All numbers of which the machine need not keep anything."""
        below = [(0, self.oldest_seq - 1)] if self.oldest_seq else []
        return ranges.union(ranges.union(self.ranges, self.refused_ranges), below)

    def store(self, seq: int, out_of_range: int, *, retained: bool) -> bool:
        """A numbered message is durable. Whether it is news: it is not when it was stored before."""
        if ranges.contains(self.ranges, seq):
            # A broker hands out what it retains at every connection; nobody has sent that again.
            if not retained:
                self.received += 1
                self.repeated += 1
            return False
        self.received += 1
        self.disordered += seq < ranges.top(self.ranges)
        self.out_of_range += out_of_range
        self.ranges = ranges.add(self.ranges, seq, seq)
        return True

    def refuse(self, seq: int | None) -> None:
        """A message is in quarantine; its number, where it can be read, is settled."""
        self.refused += 1
        if seq is not None:
            self.refused_ranges = ranges.add(self.refused_ranges, seq, seq)

    def came_online(self, state: Online, at_us: int) -> None:
        """What it does not hold any more is settled for good."""
        self.online_us = at_us if self.online_us is None else self.online_us
        self.oldest_seq = max(self.oldest_seq, state.oldest_seq)


@dataclass(slots=True)
class SessionRow:
    """`session_log`: a session's own events, and how far its frames have come."""

    session: str
    gym: str
    machine: str
    boot: str
    arrival_us: int
    user: str | None = None
    start_seq: int | None = None
    start_us: int | None = None
    setups: list[Any] = field(default_factory=list)
    end_seq: int | None = None
    end_us: int | None = None
    end_reason: str | None = None
    ended_arrival_us: int | None = None
    first_us: int | None = None
    last_us: int | None = None
    version: int = 0

    def frame(self, frame: Frame, at_us: int) -> None:
        """One more of its frames is stored."""
        end_us = frame.t_us + len(frame.depth_mm) * frame.dt_us
        self.first_us = frame.t_us if self.first_us is None else min(self.first_us, frame.t_us)
        self.last_us = end_us if self.last_us is None else max(self.last_us, end_us)
        self._arrived(at_us)

    def event(self, event: Session, at_us: int) -> None:
        """One of its own events has come. Of two that contradict each other the first holds."""
        match event:
            case SessionStart() if self.start_seq is None:
                self.user, self.start_seq, self.start_us = event.user, event.seq, event.t_us
                self._set_up([[event.t_us, msgspec.to_builtins(event.setup)], *self.setups])
            case SessionSetup():
                self._set_up([*self.setups, [event.t_us, msgspec.to_builtins(event.setup)]])
            case SessionEnd() if self.end_seq is None:
                self.end_seq, self.end_us, self.end_reason = event.seq, event.t_us, event.reason
                self.ended_arrival_us = at_us
            case _:
                pass
        self._arrived(at_us)

    def end_by_reboot(self, at_us: int) -> None:
        """Its machine has started anew: it is over, though its own end may still come and its frames too."""
        if self.end_us is None:
            self.end_reason, self.ended_arrival_us = REBOOT, at_us
            self.end_us = self._latest_us()

    def _set_up(self, setups: list[Any]) -> None:
        # Stable: where the start and a change bear the same time, the start's stays first.
        self.setups = sorted(setups, key=lambda setup: setup[0])

    def _arrived(self, at_us: int) -> None:
        self.arrival_us = max(self.arrival_us, at_us)
        if self.end_us is not None and self.end_seq is None:
            self.end_us = self._latest_us()

    def _latest_us(self) -> int | None:
        times = [self.start_us, self.last_us, *(setup[0] for setup in self.setups)]
        return max((time_us for time_us in times if time_us is not None), default=None)


@dataclass(slots=True)
class Books:
    """The rows that a batch may touch, and what came of entering it.

    moved: machines whose watermark may have changed, or who have just asked for it by connecting or sending again.
    conflicts: messages whose session belongs to another machine or boot; they are stored, but in no session.
    """

    machines: dict[tuple[str, str], MachineRow]
    boots: dict[tuple[str, str, str], BootRow]
    sessions: dict[str, SessionRow]
    now_us: int
    moved: set[tuple[str, str]] = field(default_factory=set)
    repeated: int = 0
    conflicts: int = 0

    def enter(self, event: Event, at_us: int, *, retained: bool) -> None:
        """An accepted message; its frame, if it is one, is in the series store."""
        machine = self.machines[event.gym, event.machine]
        account = self._account(event.gym, event.machine, event.payload.boot)
        payload = event.payload
        if isinstance(payload, Online):
            self._online(machine, account, payload, at_us)
        elif isinstance(payload, Offline):
            machine.went_offline(payload, at_us)
        else:
            self.moved.add((event.gym, event.machine))
            if not account.store(payload.seq, event.out_of_range, retained=retained):
                self.repeated += not retained
                return
            self._session(machine, account, payload, at_us)
        if not retained:
            machine.heard(at_us)

    def refuse(self, gym: str, machine: str, boot: str, seq: int | None, at_us: int) -> None:
        """A refused message whose boot could be read."""
        self.machines[gym, machine].heard(at_us)
        self._account(gym, machine, boot).refuse(seq)
        if seq is not None:
            self.moved.add((gym, machine))

    def _online(self, machine: MachineRow, account: BootRow, state: Online, at_us: int) -> None:
        self.moved.add((machine.gym, machine.machine))
        if _is_over(machine, account):
            # Redelivered from before a restart of ours: a boot that another has followed does not come back.
            account.oldest_seq = max(account.oldest_seq, state.oldest_seq)
            return
        account.came_online(state, at_us)
        machine.came_online(state, at_us)
        for row in self.sessions.values():
            if (row.gym, row.machine) == (machine.gym, machine.machine) and row.boot != state.boot:
                row.end_by_reboot(at_us)

    def _session(self, machine: MachineRow, account: BootRow, payload: Frame | Session, at_us: int) -> None:
        if payload.session is None:
            return
        row = self.sessions.get(payload.session)
        if row is None:
            row = SessionRow(payload.session, account.gym, account.machine, account.boot, at_us)
            self.sessions[payload.session] = row
        elif (row.gym, row.machine, row.boot) != (account.gym, account.machine, account.boot):
            self.conflicts += 1
            return
        if isinstance(payload, Frame):
            row.frame(payload, at_us)
        else:
            row.event(payload, at_us)
        if _is_over(machine, account):
            row.end_by_reboot(at_us)

    def _account(self, gym: str, machine: str, boot: str) -> BootRow:
        key = (gym, machine, boot)
        if key not in self.boots:
            self.boots[key] = BootRow(gym, machine, boot, self.now_us)
        return self.boots[key]


def _is_over(machine: MachineRow, account: BootRow) -> bool:
    """Whether the machine has started anew since this boot.

    A boot that is not the machine's may also be one whose State has yet to come.
    """
    if machine.boot in {None, account.boot}:
        return False
    return account.online_us is not None or account.boot in machine.held()
