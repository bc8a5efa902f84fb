"""What lies in the files: the columns of a history, described for readers in docs/history.md."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from sledwatch_sim.history.bulk import Lived
from sledwatch_sim.history.lives import Flags, Numbers
from sledwatch_sim.history.traces import DT_US, Trace
from sledwatch_sim.people import DAY_US

# Partitions, so that a member's rows lie in one of them and readers can share the work.
HASHES: Final = 32

_NAME = pa.dictionary(pa.int32(), pa.string())
_MOMENT = pa.timestamp("us", tz="UTC")

MEMBERS: Final = pa.schema(
    {
        "user": pa.string(),
        "name": pa.string(),
        "sex": _NAME,
        "height_mm": pa.float64(),
        "gym": _NAME,
        "machine": _NAME,
        "limit_mm": pa.float64(),
        "temper": _NAME,
        "obeys": pa.bool_(),
        "bounces": pa.bool_(),
        "one_rm_kg": pa.float64(),
        "habit_mm": pa.float64(),
        "protocol_knee_deg": pa.list_(pa.float64()),
        "protocol_load_kg": pa.float64(),
        "protocol_until": _MOMENT,
    }
)
SESSIONS: Final = pa.schema(
    {
        "session": pa.string(),
        "user": _NAME,
        "gym": _NAME,
        "machine": _NAME,
        "start_at": _MOMENT,
        "end_at": _MOMENT,
        "backrest_deg": pa.float64(),
        "notch": pa.int32(),
        "foot_row": pa.int32(),
        "reps": pa.int32(),
        "work_j": pa.float64(),
        "spike": pa.float64(),
        "limit_mm": pa.float64(),
        "shared_with": _NAME,
        "sampled": pa.bool_(),
    }
)
REPS: Final = pa.schema(
    {
        "session": _NAME,
        "user": _NAME,
        "gym": _NAME,
        "machine": _NAME,
        "set": pa.int32(),
        "rep": pa.int32(),
        "t_start_us": pa.int64(),
        "t_turn_us": pa.int64(),
        "t_end_us": pa.int64(),
        "load_kg": pa.float64(),
        "depth_mm": pa.float64(),
        "rom_mm": pa.float64(),
        "eccentric_s": pa.float64(),
        "concentric_s": pa.float64(),
        "bottom_dwell_s": pa.float64(),
        "mean_velocity_m_s": pa.float64(),
        "mean_propulsive_velocity_m_s": pa.float64(),
        "peak_velocity_m_s": pa.float64(),
        "work_j": pa.float64(),
        "velocity_loss_pct": pa.float64(),
        "limit_mm": pa.float64(),
        "limit_tier": _NAME,
        "over_mm": pa.float64(),
        "share_of_1rm": pa.float64(),
        "by": _NAME,
    }
)
SAMPLES: Final = pa.schema(
    {
        "session": _NAME,
        "user": _NAME,
        "gym": _NAME,
        "machine": _NAME,
        "t_us": pa.int64(),
        "dt_us": pa.int32(),
        "load_kg": pa.float64(),
        "depth_mm": pa.list_(pa.float32()),
    }
)
FINDINGS: Final = pa.schema(
    {
        "rule": _NAME,
        "session": pa.string(),
        "user": _NAME,
        "severity": _NAME,
        "near": pa.bool_(),
        "severity_near": pa.bool_(),
        "joined": pa.list_(pa.string()),
    }
)
NOTES: Final = pa.schema({"user": _NAME, "kind": _NAME, "at": _MOMENT, "session": pa.string()})


def user_hash(user: str) -> int:
    """The partition of a member: CRC-32 of the pseudonym, modulo 32."""
    return zlib.crc32(user.encode()) % HASHES


@dataclass(frozen=True, slots=True)
class Kept:
    """A life as it is written.

    ids: of its sessions, None where nobody badged in. spikes: NaN without a baseline. sampled: which have a trace.
    """

    done: Lived
    ids: Sequence[str | None]
    spikes: Numbers
    sampled: Flags


def members_table(lives: Sequence[Lived]) -> pa.Table:
    """A row a member."""
    rows = []
    for done in lives:
        person, press, protocol = done.life.lifter, done.life.press, done.life.protocol
        until_us = None
        if protocol is not None and len(done.life.starts_us):
            until_us = int(done.life.starts_us[0]) + protocol.days * DAY_US
        rows.append(
            {
                "user": person.user,
                "name": person.name,
                "sex": person.sex,
                "height_mm": person.height_mm,
                "gym": done.life.gym,
                "machine": done.life.machine,
                "limit_mm": done.limit_mm,
                "temper": person.temper,
                "obeys": person.obeys,
                "bounces": person.bounces,
                "one_rm_kg": round(person.one_rm_n / press.newtons_per_kg(person.setup(press)), 1),
                "habit_mm": round(person.habit_mm(press), 1),
                "protocol_knee_deg": protocol and list(protocol.knee_deg),
                "protocol_load_kg": protocol and protocol.load_kg,
                "protocol_until": until_us,
            }
        )
    return pa.Table.from_pylist(rows, schema=MEMBERS)


def sessions_table(lives: Sequence[Kept]) -> pa.Table:
    """A row a session, member by member, by time."""
    setups = [kept.done.life.lifter.setup(kept.done.life.press) for kept in lives]
    counts = np.array([len(kept.ids) for kept in lives])

    def of_each(values: Sequence[float], kind: pa.DataType) -> pa.Array:
        return pa.array(np.repeat(np.asarray(values), counts), kind)

    def column(name: str) -> Any:
        return np.concatenate([getattr(kept.done.sessions, name) for kept in lives])

    columns = {
        "session": pa.array([one for kept in lives for one in kept.ids], pa.string()),
        **_whose(lives, counts),
        "start_at": pa.array(column("starts_us"), pa.int64()).cast(_MOMENT),
        "end_at": pa.array(column("ends_us"), pa.int64()).cast(_MOMENT),
        "backrest_deg": of_each([setup.backrest_deg for setup in setups], pa.float64()),
        "notch": of_each([setup.notch for setup in setups], pa.int32()),
        "foot_row": of_each([setup.foot_row for setup in setups], pa.int32()),
        "reps": pa.array(column("reps"), pa.int32()),
        "work_j": pa.array(np.round(column("work_j"), 1)),
        "spike": pa.array(np.round(np.concatenate([kept.spikes for kept in lives]), 3), from_pandas=True),
        "limit_mm": of_each([kept.done.limit_mm for kept in lives], pa.float64()),
        "shared_with": _coded(
            np.concatenate([np.where(kept.done.life.shared, at, -1) for at, kept in enumerate(lives)]),
            [_friend(kept) for kept in lives],
        ),
        "sampled": pa.array(np.concatenate([kept.sampled for kept in lives])),
    }
    return pa.table(columns, SESSIONS)


def reps_table(lives: Sequence[Kept]) -> pa.Table:
    """A row a rep, session by session, by time: the fields of the API's Rep, which are true here, and the share."""
    counts = np.array([len(kept.done.reps.rep) for kept in lives])

    def column(name: str) -> Any:
        return np.concatenate([getattr(kept.done.reps, name) for kept in lives])

    def rounded(values: Any, decimals: int) -> pa.Array:
        return pa.array(np.round(values, decimals))

    first = np.cumsum([0, *(len(kept.ids) for kept in lives)])
    session = np.concatenate([kept.done.reps.session + base for kept, base in zip(lives, first, strict=False)])
    starts_us = np.concatenate([kept.done.sessions.starts_us for kept in lives])[session]

    def moment(name: str) -> pa.Array:
        return pa.array(starts_us + np.rint(column(name) * 1e6).astype(np.int64))

    bottom_mm, limit_mm = column("bottom_mm"), np.repeat([kept.done.limit_mm for kept in lives], counts)
    over_mm = np.round(bottom_mm - limit_mm, 2)
    velocity = np.round(column("velocity_m_s"), 3)
    columns = {
        "session": _coded(session, [one for kept in lives for one in kept.ids]),
        **_whose(lives, counts),
        "set": pa.array(column("set"), pa.int32()),
        "rep": pa.array(column("rep"), pa.int32()),
        "t_start_us": moment("start_s"),
        "t_turn_us": moment("turn_s"),
        "t_end_us": moment("end_s"),
        "load_kg": pa.array(column("load_kg")),
        "depth_mm": rounded(bottom_mm, 2),
        "rom_mm": rounded(bottom_mm - column("end_mm"), 2),
        "eccentric_s": rounded(column("eccentric_s"), 3),
        "concentric_s": rounded(column("concentric_s"), 3),
        "bottom_dwell_s": rounded(column("dwell_s"), 3),
        "mean_velocity_m_s": pa.array(velocity),
        # Gravity alone brakes these pushes, so all of each is propulsive; minimum jerk peaks at 1.875 times the mean.
        "mean_propulsive_velocity_m_s": pa.array(velocity),
        "peak_velocity_m_s": rounded(1.875 * velocity, 3),
        "work_j": rounded(column("work_j"), 1),
        "velocity_loss_pct": rounded(column("velocity_loss_pct"), 1),
        "limit_mm": pa.array(limit_mm),
        "limit_tier": _coded(np.zeros(len(session), dtype=np.int64), ["calibrated"]),
        "over_mm": pa.array(np.where(over_mm > 0, over_mm, np.nan), from_pandas=True),
        "share_of_1rm": rounded(column("share_of_1rm"), 3),
        "by": _coded(
            np.concatenate([2 * at + kept.done.reps.friends for at, kept in enumerate(lives)]),
            [name for kept in lives for name in (kept.done.life.lifter.user, _friend(kept))],
        ),
    }
    return pa.table(columns, REPS)


def samples_table(traces: Sequence[tuple[Kept, int, Trace]]) -> pa.Table:
    """A row a frame of the sampled sessions; each comes with its life and its index there."""
    frames = np.array([len(trace.first) for _, _, trace in traces])
    of = np.repeat(np.arange(len(traces)), frames)
    starts_us = np.array([kept.done.sessions.starts_us[index] for kept, index, _ in traces])
    before = np.cumsum([0, *(len(trace.depth_mm) for _, _, trace in traces)])
    first = np.concatenate([trace.first for _, _, trace in traces])
    offsets = np.append(first + before[:-1][of], before[-1]).astype(np.int32)
    depth_mm = pa.array(np.concatenate([trace.depth_mm for _, _, trace in traces]), from_pandas=True)
    columns = {
        "session": _coded(of, [kept.ids[index] for kept, index, _ in traces]),
        **_whose([kept for kept, _, _ in traces], frames),
        "t_us": pa.array(starts_us[of] + first * DT_US),
        "dt_us": pa.array(np.full(len(of), DT_US), pa.int32()),
        "load_kg": pa.array(np.concatenate([trace.load_kg for _, _, trace in traces])),
        "depth_mm": pa.ListArray.from_arrays(pa.array(offsets), depth_mm),
    }
    return pa.table(columns, SAMPLES)


def _whose(lives: Sequence[Kept], counts: Any) -> dict[str, pa.Array]:
    """The columns that say who and where, each life's repeated."""
    of = np.repeat(np.arange(len(lives)), counts)
    return {
        "user": _coded(of, [kept.done.life.lifter.user if kept.done.life.badged else None for kept in lives]),
        "gym": _coded(of, [kept.done.life.gym for kept in lives]),
        "machine": _coded(of, [kept.done.life.machine for kept in lives]),
    }


def _friend(kept: Kept) -> str | None:
    friend = kept.done.life.friend
    return None if friend is None else friend.user


def _coded(index: Any, names: Sequence[str | None]) -> pa.Array:
    """A column of few different words, `names[index]`, each word once; null where there is none, and below 0."""
    words = sorted({name for name in names if name is not None})
    place = {word: number for number, word in enumerate(words)}
    codes = np.array([-1 if name is None else place[name] for name in names] + [-1], dtype=np.int32)[index]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(words, pa.string()))
