"""A partition judged: sessions' figures from their reps, and what the rules say of them. Pure, for any process.

`analyse_partition` is all that a worker needs, in a pool or on a cluster: a frame in, a frame out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sledwatch.findings import Finding, findings_in_bulk
from sledwatch.rules import DEFAULT_RULES, RulesInForce
from sledwatch.workload import judge_all
from sledwatch_analytics.bulk.partitions import JUDGED, SESSIONS, as_parquet
from sledwatch_analytics.nameless import NAMELESS

# What was added up in another order differs by less.
_SAME: Final = 1e-9
_encode: Final = msgspec.json.Encoder(enc_hook=float).encode
_FIGURES: Final = ("work_j", "tonnage_kg", "top_load_kg")


def analyse_partition(frame: pd.DataFrame) -> pd.DataFrame:
    """Judge the sessions of a partition that are to be judged.

    frame: the columns of `partitions.SESSIONS`, as pandas holds what comes from Arrow, all sessions of a member
    together and in order. Returns those of `partitions.JUDGED`. A member's figures rest on their reps where there are
    any, else they are as they stand; hard sets are counted by the rules that are in force.
    """
    table = pa.Table.from_pandas(frame, schema=SESSIONS, preserve_index=False).unify_dictionaries().combine_chunks()
    judged: pd.DataFrame = _judged(table).to_pandas(types_mapper=pd.ArrowDtype)
    return judged


def analyse_parquet(data: bytes) -> bytes:
    """The same from the bytes of a Parquet file to those of another."""
    table = pq.read_table(pa.BufferReader(data))
    frame = analyse_partition(table.to_pandas(types_mapper=pd.ArrowDtype))
    return as_parquet(pa.Table.from_pandas(frame, schema=JUDGED, preserve_index=False))


def findings_of(text: str | None) -> list[Finding]:
    """The findings in a row of `partitions.JUDGED`."""
    return [] if text is None else msgspec.json.decode(text, type=list[Finding])


def rules_of(changed: str, version: int) -> RulesInForce:
    """The rules in a row, from the values that differ from the defaults."""
    values: dict[str, float | bool] = msgspec.json.decode(changed)
    return RulesInForce(DEFAULT_RULES.changed(values), version)


def _judged(table: pa.Table) -> pa.Table:
    rules = _Rules.of(table)
    figures, stood = _figures(table, rules), _numbers(table, "hard_sets")
    frame = pd.DataFrame(
        {
            "user": _words(table, "user"),
            "session": table["session"].to_numpy(),
            "time_zone": _words(table, "time_zone"),
            "start_us": table["start_us"].to_numpy(),
            "end_us": table["end_us"].to_numpy(),
            "work_j": figures.work_j,
            "tonnage_kg": figures.tonnage_kg,
            "top_load_kg": figures.top_load_kg,
            "hard_sets": figures.hard_sets,
        }
    )
    judged = np.flatnonzero(table["judged"].to_numpy())
    findings = _findings(table, frame, rules)
    said = [findings.get(row) for row in judged.tolist()]
    kept = table.take(pa.array(judged))
    columns = {name: kept[name] for name in JUDGED.names if name in SESSIONS.names}
    columns |= {name: pa.array(getattr(figures, name)[judged]) for name in (*_FIGURES, "hard_sets")}
    columns["stood_hard_sets"] = pa.array(stood[judged].astype(np.int64))
    columns["agrees"] = pa.array(figures.agrees[judged])
    columns["reps"] = pa.array(figures.reps[judged])
    columns["findings"] = pa.array([None if one is None else _encode(one).decode() for one in said], pa.string())
    return pa.table({name: columns[name] for name in JUDGED.names}).cast(JUDGED)


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of a partition's rows. code: for each row, which of them."""

    code: NDArray[np.int64]
    in_force: Sequence[RulesInForce]

    @classmethod
    def of(cls, table: pa.Table) -> "_Rules":
        pairs = pd.DataFrame({"rules": _words(table, "rules"), "version": table["rules_version"].to_numpy()})
        code, which = pd.factorize(pd.MultiIndex.from_frame(pairs))
        return cls(code.astype(np.int64), [rules_of(*cast("tuple[str, int]", one)) for one in which])

    def values(self, name: str) -> NDArray[np.float64]:
        """A threshold, for each row."""
        return np.array([getattr(one.rules, name) for one in self.in_force], dtype=np.float64)[self.code]


@dataclass(frozen=True, slots=True)
class _Figures:
    """What sessions add up to, an entry a row. agrees: with the figures that stand, but for hard sets."""

    work_j: NDArray[np.float64]
    tonnage_kg: NDArray[np.float64]
    top_load_kg: NDArray[np.float64]
    hard_sets: NDArray[np.int64]
    reps: NDArray[np.int64]
    agrees: NDArray[np.bool_]


def _figures(table: pa.Table, rules: _Rules) -> _Figures:
    """As `sledwatch.workload.session_totals` and `hard_sets` have them of each session, all at once."""
    stood = {name: np.nan_to_num(_numbers(table, name)) for name in _FIGURES}
    lists = table["rep_set"].combine_chunks()
    known = ~np.asarray(lists.is_null())
    lengths = np.where(known, np.diff(lists.offsets.to_numpy()), 0)
    sets = lists.flatten().to_numpy(zero_copy_only=False)
    load_kg, work_j, loss_pct, ok = (
        table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        for name in ("rep_load_kg", "rep_work_j", "rep_velocity_loss_pct", "rep_ok")
    )
    session = np.repeat(np.arange(len(lengths)), lengths)
    ok = ok.astype(np.bool_)
    added = {
        "work_j": np.bincount(session, weights=np.nan_to_num(work_j), minlength=len(lengths)),
        "tonnage_kg": np.bincount(session, weights=load_kg, minlength=len(lengths)),
        "top_load_kg": _top_loads(session, load_kg, ok, lengths),
    }
    agrees = np.ones(len(lengths), dtype=np.bool_)
    for name, values in added.items():
        agrees &= ~known | np.isclose(values, stood[name], rtol=_SAME, atol=_SAME)
    # What is the same but for the order of adding up stays as it stands, to the last digit.
    own = {name: np.where(agrees, stood[name], values) for name, values in added.items()}
    hard = _hard_sets(session, sets, load_kg, loss_pct, ok, _numbers(table, "e1rm_kg"), rules)
    return _Figures(
        **own,
        hard_sets=np.where(known, hard, np.nan_to_num(_numbers(table, "hard_sets")).astype(np.int64)),
        reps=lengths.astype(np.int64),
        agrees=agrees,
    )


def _top_loads(
    session: NDArray[np.int64], load_kg: NDArray[np.float64], ok: NDArray[np.bool_], lengths: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The heaviest sure load of each session, of all its loads where none is sure."""
    sure = np.bincount(session, weights=ok, minlength=len(lengths)) > 0
    counts = ok | ~sure[session]
    top = np.zeros(len(lengths))
    filled = np.flatnonzero(lengths)
    if len(filled):
        begins = (np.cumsum(lengths) - lengths)[filled]
        top[filled] = np.maximum.reduceat(np.where(counts, load_kg, 0.0), begins)
    return top


def _hard_sets(
    session: NDArray[np.int64],
    sets: NDArray[np.int64],
    load_kg: NDArray[np.float64],
    loss_pct: NDArray[np.float64],
    ok: NDArray[np.bool_],
    e1rm_kg: NDArray[np.float64],
    rules: _Rules,
) -> NDArray[np.int64]:
    if not len(session):
        return np.zeros(len(e1rm_kg), dtype=np.int64)
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(session) != 0) | (np.diff(sets) != 0)]))
    of = session[begins]
    told = ok & ~np.isnan(loss_pct)
    last = np.maximum.reduceat(np.where(told, np.arange(len(session)), -1), begins)
    lost = last >= 0
    by_velocity = lost & (loss_pct[last] >= rules.values("hard_set_velocity_loss_pct")[of])
    known_kg = np.where(e1rm_kg > 0, e1rm_kg, np.inf)
    heavy = load_kg >= (rules.values("hard_set_e1rm_share") * known_kg)[session]
    by_reps = ~lost & (np.add.reduceat(heavy.astype(np.int64), begins) >= rules.values("hard_set_reps")[of])
    return np.bincount(of, weights=by_velocity | by_reps, minlength=len(e1rm_kg)).astype(np.int64)


def _findings(table: pa.Table, frame: pd.DataFrame, rules: _Rules) -> dict[int, list[Finding]]:
    """What is to be said, by row; sessions of which nothing is to be said are not there."""
    wanted = table["judged"].to_numpy() & ~table["doubtful"].to_numpy()
    missing = _missing_days(table, frame)
    rows = pd.Index(frame["session"])
    found: dict[int, list[Finding]] = {}
    for code_of in _rules_in_turn(frame["user"], rules.code):
        # Hardly anybody trains where other rules hold for them: as a rule there is one turn, of everybody.
        of_turn = frame["user"].map(code_of)
        members = of_turn.notna()
        in_force = {str(user): rules.in_force[code] for user, code in code_of.items()}
        judged = judge_all(
            frame[members], missing[missing["user"].isin(code_of.index)], {u: one.rules for u, one in in_force.items()}
        )
        answers = rows.get_indexer(pd.Index(judged.sessions.session[judged.answers]))
        asked = wanted[answers] & (of_turn.to_numpy()[answers] == rules.code[answers])
        place = dict(zip(judged.sessions.session[judged.answers[asked]], answers[asked].tolist(), strict=True))
        for session, findings in findings_in_bulk(judged, in_force, asked, lambda _user: NAMELESS):
            found[place[session.session]] = findings
    return found


def _rules_in_turn(user: pd.Series, code: NDArray[np.int64]) -> Iterator[pd.Series]:
    """Which rules each user is judged by: first one's first, then the second of those who have two, and so on."""
    pairs = pd.DataFrame({"user": user, "code": code}).drop_duplicates()
    turn = pairs.groupby("user", sort=False).cumcount()
    for number in range(int(turn.max()) + 1 if len(pairs) else 0):
        yield pairs[turn == number].set_index("user")["code"]


def _missing_days(table: pa.Table, frame: pd.DataFrame) -> pd.DataFrame:
    lists = table["missing_days"].combine_chunks()
    rows = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))
    return pd.DataFrame(
        {
            "user": frame["user"].to_numpy()[rows],
            "time_zone": frame["time_zone"].to_numpy()[rows],
            "day": lists.flatten().to_pylist(),
        }
    )


def _words(table: pa.Table, name: str) -> NDArray[np.object_]:
    column = table[name].combine_chunks()
    words = np.array(column.dictionary.to_pylist(), dtype=np.object_)
    values: NDArray[np.object_] = words[column.indices.to_numpy()]
    return values


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column as floats, NaN where it is null."""
    return cast("NDArray[np.float64]", table[name].cast(pa.float64()).to_numpy())
