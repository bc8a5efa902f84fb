"""Making a history: the directory that it goes into, and the work, partition by partition."""

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sledwatch_sim.equipment.sensors import Sensor, Tell
from sledwatch_sim.history import tables
from sledwatch_sim.history.bulk import live
from sledwatch_sim.history.entailed import entailed, sessions_done, spikes
from sledwatch_sim.history.faults import sensor_at
from sledwatch_sim.history.lives import gyms_for, life
from sledwatch_sim.history.tables import HASHES, Kept, user_hash
from sledwatch_sim.history.traces import Trace, trace
from sledwatch_sim.people import DAY_US
from sledwatch_sim.truth import Done, Truth
from sledwatch_sim.truth.pain import RULE as PAIN

MANIFEST: Final = "manifest.json"
FORMAT: Final = "sledwatch-history"
MOST_MEMBERS: Final = 99_999
MOST_DAYS: Final = 36_600
_SAMPLING_STREAM: Final = 24
_PAIN_AFTER_US: Final = DAY_US // 2
# What is held in memory before it is written, whichever comes first.
_REPS_AT_ONCE: Final = 250_000
_SAMPLES_AT_ONCE: Final = 2_000_000
_REPORT_MEMBERS: Final = 4


class HistoryError(Exception):
    """The history could not be made; the message is one line for whoever asked for it."""


class WrongHistory(HistoryError):
    """What was asked for cannot be right: numbers out of range, or a directory that holds something else."""


class Stopped(Exception):
    """Somebody asked to stop; nothing is left behind."""


@dataclass(frozen=True, slots=True)
class HistoryConfig:
    """What to make.

    start_us: the first day's midnight, UTC. samples: the share of sessions with all their samples. gyms: None: as many
    as that many members fill. force: a history that lies at `out` already gives way to this one.
    """

    out: Path
    members: int
    days: int
    start_us: int
    seed: int = 1
    samples: float = 0.01
    gyms: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: members lived through of all, and what has come of it."""

    done: int
    members: int
    sessions: int
    reps: int
    samples: int


@dataclass(slots=True)
class _Counts:
    members: int = 0
    sessions: int = 0
    reps: int = 0
    samples: int = 0


def make_history(config: HistoryConfig, report: Callable[[Progress], None], stop: threading.Event) -> Progress:
    """Make a history and return what is in it.

    The same config gives the same bytes, but for --force, and a member's rows do not depend on how many others there
    are. It is written beside `out` and takes its place when it is whole. Raises HistoryError, or its kind
    WrongHistory, and Stopped.
    """
    _check(config)
    try:
        with _directory(config) as directory:
            return _Making(config, directory, report, stop).run()
    except OSError as error:
        reason = error.strerror or str(error)
        raise HistoryError(f"{config.out}: {reason}; nothing was left behind") from error


def _check(config: HistoryConfig) -> None:
    for name, value, least, most in (
        ("members", config.members, 1, MOST_MEMBERS),
        ("days", config.days, 1, MOST_DAYS),
        ("gyms", config.gyms or 1, 1, MOST_MEMBERS),
    ):
        if not least <= value <= most:
            raise WrongHistory(f"--{name} {value}: expected {least} to {most}")
    if config.gyms is not None and config.gyms < 1:
        raise WrongHistory(f"--gyms {config.gyms}: expected 1 or more")
    if config.seed < 0:
        raise WrongHistory(f"--seed {config.seed}: expected 0 or more")
    if not 0.0 <= config.samples <= 1.0:
        raise WrongHistory(f"--samples {config.samples:g}: expected a share of the sessions, from 0 to 1")
    if config.start_us < 0:
        raise WrongHistory("a history begins in 1970 at the earliest: fewer --days, or a later --start")


@contextmanager
def _directory(config: HistoryConfig) -> Iterator[Path]:
    """A directory beside `out` that takes its place at the end of the block, and is gone if the block fails."""
    out = config.out.resolve()
    before = _occupied(out)
    if before is not None and not (before == FORMAT and config.force):
        if before == FORMAT:
            raise WrongHistory(f"{config.out} holds a history already: --force replaces it")
        raise WrongHistory(f"{config.out} is not empty, and holds no history that could be replaced: name another")
    out.parent.mkdir(parents=True, exist_ok=True)
    made, old = out.with_name(f".{out.name}.partial"), out.with_name(f".{out.name}.replaced")
    made.mkdir(exist_ok=True)
    lock = os.open(made, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongHistory(f"{config.out} is being made by another run just now") from None
        try:
            # What a run that was killed has left.
            _empty(made)
            yield made
            if before is not None:
                shutil.rmtree(old, ignore_errors=True)
                out.rename(old)
            made.rename(out)
            shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def _occupied(out: Path) -> str | None:
    """None where nothing is in the way; else the format of what is there, empty where it is no history."""
    if not out.exists():
        return None
    if not out.is_dir():
        return ""
    if not any(out.iterdir()):
        return None
    try:
        return str(json.loads((out / MANIFEST).read_text(encoding="utf-8"))["format"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@dataclass(slots=True)
class _Partition:
    """The three files of a partition; each is there from its first row on."""

    directory: Path
    hash: int
    writers: dict[str, pq.ParquetWriter] = field(default_factory=dict)

    def write(self, kind: str, table: pa.Table) -> None:
        """Append rows to sessions, reps or samples."""
        if kind not in self.writers:
            path = self.directory / kind / f"user_hash={self.hash:02d}" / "part-0.parquet"
            path.parent.mkdir(parents=True)
            self.writers[kind] = pq.ParquetWriter(path, table.schema, **_FILE)
        self.writers[kind].write_table(table, row_group_size=1_000_000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.writers.values():
            writer.close()


_FILE: Final[dict[str, Any]] = {"compression": "zstd", "compression_level": 1}


class _Making:
    def __init__(
        self, config: HistoryConfig, directory: Path, report: Callable[[Progress], None], stop: threading.Event
    ) -> None:
        self._config = config
        self._directory = directory
        self._report = report
        self._stop = stop
        self._gyms = config.gyms or gyms_for(config.members)
        self._counts = _Counts()
        self._findings: list[dict[str, Any]] = []
        self._notes: list[dict[str, Any]] = []
        self._members: dict[int, pa.Table] = {}

    def run(self) -> Progress:
        numbers: list[list[int]] = [[] for _ in range(HASHES)]
        for number in range(self._config.members):
            numbers[user_hash(f"h{self._config.seed}-{number:05d}")].append(number)
        with Truth(self._directory / "truth.ndjson") as truth:
            truth.run(
                "history",
                [f"gym-{number + 1}" for number in range(self._gyms)],
                self._config.seed,
                self._config.start_us,
            )
            for at, of_hash in enumerate(numbers):
                with _Partition(self._directory, at) as partition:
                    self._live(of_hash, partition, truth)
        members = pa.concat_tables([self._members[number] for number in sorted(self._members)])
        pq.write_table(members.unify_dictionaries(), self._directory / "members.parquet", **_FILE)
        findings = pa.Table.from_pylist(self._findings, schema=tables.FINDINGS)
        pq.write_table(findings, self._directory / "findings.parquet", **_FILE)
        self._notes.sort(key=lambda note: (note["user"], note["at"]))
        notes = pa.Table.from_pylist(self._notes, schema=tables.NOTES)
        pq.write_table(notes, self._directory / "notes.parquet", **_FILE)
        self._manifest()
        return self._progress()

    def _live(self, numbers: Sequence[int], partition: _Partition, truth: Truth) -> None:
        lives: list[Kept] = []
        traces: list[tuple[Kept, int, Trace]] = []
        for number in numbers:
            if self._stop.is_set():
                raise Stopped
            kept = self._one(number, truth)
            if len(kept.ids) and kept.done.life.badged:
                lives.append(kept)
            for index in np.flatnonzero(kept.sampled).tolist():
                seen = trace(kept.done, index, self._sensor(kept, index), self._teller(kept, truth))
                self._counts.samples += len(seen.depth_mm)
                traces.append((kept, index, seen))
                if sum(len(one.depth_mm) for _, _, one in traces) >= _SAMPLES_AT_ONCE:
                    partition.write("samples", tables.samples_table(traces))
                    traces = []
                    self._report(self._progress())
            if sum(len(one.done.reps.rep) for one in lives) >= _REPS_AT_ONCE:
                self._write(partition, lives)
                lives = []
            self._counts.members += 1
            if self._counts.members % _REPORT_MEMBERS == 0:
                self._report(self._progress())
        self._write(partition, lives)
        if traces:
            partition.write("samples", tables.samples_table(traces))

    def _write(self, partition: _Partition, lives: Sequence[Kept]) -> None:
        if lives:
            partition.write("sessions", tables.sessions_table(lives))
            partition.write("reps", tables.reps_table(lives))

    def _sensor(self, kept: Kept, index: int) -> Sensor:
        own, sessions, config = kept.done.life, kept.done.sessions, self._config
        start_us = int(sessions.starts_us[index])
        seconds = (int(sessions.ends_us[index]) - start_us) / 1e6
        return sensor_at(config.seed, own.gym, own.machine, config.start_us, config.days, start_us, seconds)

    @staticmethod
    def _teller(kept: Kept, truth: Truth) -> Tell:
        """Writes down what was wrong with the machine of a life."""
        own = kept.done.life
        return lambda kind, from_us, to_us, figures: truth.fault(kind, own.gym, own.machine, from_us, to_us, figures)

    def _one(self, number: int, truth: Truth) -> Kept:
        config = self._config
        done = live(life(config.seed, number, self._gyms, config.start_us, config.days))
        starts_us = done.sessions.starts_us.tolist()
        chance = np.random.default_rng([config.seed, number, _SAMPLING_STREAM]).random(len(starts_us))
        if not done.life.badged:
            kept = Kept(done, [None] * len(starts_us), spikes(done), chance < config.samples)
            self._tell_unbadged(kept, truth)
            return kept
        ids = [f"h{config.seed}-{number:05d}-{start_us // 1_000_000}" for start_us in starts_us]
        kept = Kept(done, ids, spikes(done), chance < config.samples)
        self._members[number] = tables.members_table([done])
        self._counts.sessions += len(ids)
        self._counts.reps += len(done.reps.rep)
        past = sessions_done(done)
        self._find(kept, ids, past, truth)
        self._tell(kept, ids, past, truth)
        return kept

    def _find(self, kept: Kept, ids: Sequence[str], past: Sequence[Done], truth: Truth) -> None:
        person = kept.done.life.lifter
        for index, expected in entailed(kept.done, past):
            self._findings.append({"session": ids[index], "user": person.user, **asdict(expected)})
            if expected.rule == PAIN:
                at_us = past[index].end_us + self._pain_after_us(past[index])
                self._notes.append({"user": person.user, "kind": "back-pain", "at": at_us, "session": ids[index]})
                # Of the sampled ones the truth tells by itself.
                if not kept.sampled[index]:
                    truth.pain(person, ids[index], at_us)

    def _pain_after_us(self, session: Done) -> int:
        """How long after a session a back hurts: half a day, or as much of it as the history has."""
        return min(_PAIN_AFTER_US, self._config.start_us + self._config.days * DAY_US - session.end_us)

    def _tell(self, kept: Kept, ids: Sequence[str], past: Sequence[Done], truth: Truth) -> None:
        """The sampled sessions, as a live run writes them down."""
        done, own = kept.done, kept.done.life
        if not kept.sampled.any():
            return
        truth.member(own.lifter, own.press, own.gym, own.machine, limit_mm=done.limit_mm, protocol=own.protocol)
        for index in np.flatnonzero(kept.sampled).tolist():
            start_us = past[index].start_us
            truth.session(
                session=ids[index],
                lifter=own.lifter,
                press=own.press,
                gym=own.gym,
                machine=own.machine,
                start_us=start_us,
                end_us=past[index].end_us,
                reps=done.true_reps(index),
                limit_mm=done.limit_mm,
                past=[one for one, shared in zip(past[:index], own.shared[:index].tolist(), strict=True) if not shared],
                friend=own.friend if own.shared[index] else None,
                protocol=own.protocol_at(start_us),
                pain_after_us=self._pain_after_us(past[index]),
            )

    @staticmethod
    def _tell_unbadged(kept: Kept, truth: Truth) -> None:
        """The sampled sessions of somebody who trains without a badge."""
        done, own = kept.done, kept.done.life
        for index in np.flatnonzero(kept.sampled).tolist():
            truth.unbadged(
                lifter=own.lifter,
                press=own.press,
                gym=own.gym,
                machine=own.machine,
                start_us=int(done.sessions.starts_us[index]),
                end_us=int(done.sessions.ends_us[index]),
                reps=done.true_reps(index),
            )

    def _progress(self) -> Progress:
        counts = self._counts
        return Progress(counts.members, self._config.members, counts.sessions, counts.reps, counts.samples)

    def _manifest(self) -> None:
        config, counts = self._config, self._counts
        start = datetime.fromtimestamp(config.start_us // 1_000_000, UTC)
        words = {
            "format": FORMAT,
            "version": 1,
            "seed": config.seed,
            "start": start.date().isoformat(),
            "days": config.days,
            "members": config.members,
            "gyms": self._gyms,
            "samples": config.samples,
            "user_hashes": HASHES,
            "rows": {
                "sessions": counts.sessions,
                "reps": counts.reps,
                "samples": counts.samples,
                "findings": len(self._findings),
                "notes": len(self._notes),
            },
        }
        (self._directory / MANIFEST).write_text(json.dumps(words, indent=1) + "\n", encoding="utf-8")
