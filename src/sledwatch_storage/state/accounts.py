"""What a message changes in the books of ingest: the rules of the ledger, on plain rows.

Each class is a row of the table that its docstring names, field for field. `ledger.record` loads the rows, applies the
messages of a batch in order of arrival, and writes back what has changed.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from sledwatch.events import Event, Frame, Offline, Online, Session, SessionEnd, SessionSetup, SessionStart
from sledwatch_storage.state import clocks, ranges
from sledwatch_storage.state.machine_events import MOST_RANGES, Happened
from sledwatch_storage.state.ranges import Range

REBOOT: Final = "reboot"
# Of how many earlier boots a State may say how far they are held: a stranger's list must not fill the ledger.
MOST_HELD: Final = 8


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

    def came_online(self, state: Online, at_us: int) -> bool:
        """Its boot is this one from now on. Whether that is news."""
        self.online = msgspec.to_builtins(state)
        if (self.boot, self.status) == (state.boot, "online"):
            return False
        self.boot, self.status, self.status_us = state.boot, "online", at_us
        return True

    def went_offline(self, state: Offline, at_us: int) -> bool:
        """Whether that is news. The will of an earlier boot, which a broker may send late, says nothing about this."""
        if self.boot not in {None, state.boot} or self.status == "offline":
            return False
        self.boot, self.status, self.status_us = state.boot, "offline", at_us
        return True

    def knows_later_than(self, at_us: int) -> bool:
        """Whether its status is of a State that came after this moment."""
        return self.status_us is not None and self.status_us > at_us

    def held(self) -> list[str]:
        """The earlier boots of which it still keeps something, as its last State said."""
        if self.online is None:
            return []
        return list(dict.fromkeys(held["boot"] for held in self.online["held"] if held["boot"] != self.boot))

    def lets_go_of(self, state: Online) -> set[str]:
        """The earlier boots that it still kept by the State before, of the same boot, and does not keep by this one."""
        return set(self.held()) - {held.boot for held in state.held} if self.boot == state.boot else set()


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
    stored: int = 0
    missing: int = 0
    lost: int = 0
    clock: clocks.Clock | None = None

    def settled(self) -> list[Range]:
        """All numbers of which the machine need not keep anything."""
        below = [(0, self.oldest_seq - 1)] if self.oldest_seq else []
        return ranges.union(ranges.union(self.ranges, self.refused_ranges), below)

    def store(self, seq: int, out_of_range: int, *, retained: bool, replayed: bool) -> bool:
        """A numbered message is durable. Whether it is news: it is not when it was stored before.

        replayed: from quarantine. It was counted when it came, as refused.
        """
        if ranges.contains(self.ranges, seq):
            # A broker hands out what it retains at every connection; nobody has sent that again.
            if not (retained or replayed):
                self.received += 1
                self.repeated += 1
            return False
        if not replayed:
            self.received += 1
            self.disordered += seq < ranges.top(self.ranges)
        self.out_of_range += out_of_range
        self.ranges = ranges.add(self.ranges, seq, seq)
        if self.refused_ranges:
            self.refused_ranges = ranges.remove(self.refused_ranges, seq, seq)
        return True

    def refuse(self, seq: int | None, *, replayed: bool) -> None:
        """A message is in quarantine; its number, where it can be read and is not stored, is settled."""
        self.refused += not replayed
        if seq is not None and not ranges.contains(self.ranges, seq):
            self.refused_ranges = ranges.add(self.refused_ranges, seq, seq)

    def give_up_below(self, oldest_seq: int) -> list[Range]:
        """The machine holds nothing below this number: what is missing there is final. What that is beyond before."""
        if oldest_seq <= self.oldest_seq:
            return []
        done = ranges.union(self.ranges, self.refused_ranges)
        gone = ranges.missing(done, oldest_seq - 1, self.oldest_seq)
        self.oldest_seq = oldest_seq
        return gone

    def count(self) -> None:
        """Bring up to date how many numbers are stored, missing, and lost for good."""
        done = ranges.union(self.ranges, self.refused_ranges)
        self.stored = ranges.size(self.ranges)
        upto = max(ranges.top(done), self.oldest_seq - 1)
        self.lost = ranges.size(ranges.missing(done, self.oldest_seq - 1)) if self.oldest_seq else 0
        self.missing = upto + 1 - ranges.size(done) - self.lost


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
    news: sessions of which something came that was not there before, whatever their rows show of it.
    happened: what befell the machines.
    """

    machines: dict[tuple[str, str], MachineRow]
    boots: dict[tuple[str, str, str], BootRow]
    sessions: dict[str, SessionRow]
    now_us: int
    moved: set[tuple[str, str]] = field(default_factory=set)
    repeated: int = 0
    conflicts: int = 0
    happened: list[Happened] = field(default_factory=list)
    news: set[str] = field(default_factory=set)

    def enter(self, event: Event, at_us: int, *, retained: bool, replayed: bool = False) -> None:
        """An accepted message; its frame, if it is one, is in the series store.

        at_us: when it arrived. replayed: from quarantine: its session has news now, but it is no sign of life.
        """
        machine = self.machines[event.gym, event.machine]
        account = self._account(event.gym, event.machine, event.payload.boot)
        payload = event.payload
        if isinstance(payload, Online):
            if payload.t_us is not None and not (retained or replayed):
                account.clock = clocks.heard(account.clock, payload.t_us - at_us, at_us)
            self._online(machine, account, payload, at_us, replayed=replayed)
        elif isinstance(payload, Offline):
            if not (replayed and machine.knows_later_than(at_us)) and machine.went_offline(payload, at_us):
                self._happened(machine, payload.boot, "offline", at_us)
        else:
            self.moved.add((event.gym, event.machine))
            if not account.store(payload.seq, event.out_of_range, retained=retained, replayed=replayed):
                self.repeated += not (retained or replayed)
                return
            # Of an earlier boot nothing comes live any more.
            if isinstance(payload, Frame) and not replayed and (machine.boot is None or machine.boot == account.boot):
                ahead_us = payload.t_us + len(payload.depth_mm) * payload.dt_us - at_us
                account.clock = clocks.heard(account.clock, ahead_us, at_us)
            self._session(machine, account, payload, self.now_us if replayed else at_us)
        if not (retained or replayed):
            machine.heard(at_us)

    def refuse(self, gym: str, machine: str, boot: str, seq: int | None, at_us: int, *, replayed: bool = False) -> None:
        """A refused message whose boot could be read. replayed: it was tried again, and refused again."""
        if not replayed:
            self.machines[gym, machine].heard(at_us)
        self._account(gym, machine, boot).refuse(seq, replayed=replayed)
        if seq is not None:
            self.moved.add((gym, machine))

    def _online(self, machine: MachineRow, account: BootRow, state: Online, at_us: int, *, replayed: bool) -> None:
        self.moved.add((machine.gym, machine.machine))
        self._give_up(account, state.oldest_seq, at_us)
        if _is_over(machine, account) or (replayed and machine.knows_later_than(at_us)):
            # Redelivered from before a restart of ours: a boot that another has followed does not come back.
            return
        for boot, oldest_seq in held_from(state).items():
            if oldest_seq:
                self._give_up(self._account(machine.gym, machine.machine, boot), oldest_seq, at_us)
        for boot in machine.lets_go_of(state):
            # Not in its memory any more: what has not come by now will not.
            let_go = self.boots.get((machine.gym, machine.machine, boot))
            if let_go is not None:
                self._give_up(let_go, ranges.top(let_go.settled()) + 1, at_us)
        account.online_us = at_us if account.online_us is None else account.online_us
        earlier = machine.boot
        if machine.came_online(state, at_us):
            anew = None if earlier in {None, state.boot} else {"after": earlier}
            self._happened(machine, state.boot, "online", at_us, anew)
        for row in self.sessions.values():
            if (row.gym, row.machine) == (machine.gym, machine.machine) and row.boot != state.boot:
                row.end_by_reboot(at_us)

    def _give_up(self, account: BootRow, oldest_seq: int, at_us: int) -> None:
        gone = account.give_up_below(oldest_seq)
        if gone:
            detail = {"ranges": [list(one) for one in gone[:MOST_RANGES]], "lost": ranges.size(gone)}
            self.happened.append(Happened(account.gym, account.machine, account.boot, "gap", at_us, detail))

    def _happened(
        self,
        machine: MachineRow,
        boot: str,
        kind: Literal["online", "offline"],
        at_us: int,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self.happened.append(Happened(machine.gym, machine.machine, boot, kind, at_us, detail))

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
        self.news.add(row.session)
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


def held_from(state: Online) -> dict[str, int]:
    """The earlier boots that a machine still holds something of, and from which number on: MOST_HELD of them."""
    oldest: dict[str, int] = {}
    for held in state.held:
        if held.boot != state.boot and (held.boot in oldest or len(oldest) < MOST_HELD):
            oldest[held.boot] = min(held.from_seq, oldest.get(held.boot, held.from_seq))
    return oldest


def _is_over(machine: MachineRow, account: BootRow) -> bool:
    """Whether the machine has started anew since this boot.

    A boot that is not the machine's may also be one whose State has yet to come.
    """
    if machine.boot in {None, account.boot}:
        return False
    return account.online_us is not None or account.boot in machine.held()
