"""`sledwatch import`: sessions and reps from Parquet files into a running system, through its API."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sledwatch_app.errors import Failed, WrongUse
from sledwatch_sim.api import Api, ApiError

# A request holds what the API stores in about a second, whichever comes first.
SESSIONS_A_REQUEST: Final = 400
REPS_A_REQUEST: Final = 40_000
_FIRST_WAIT_S: Final = 0.5
_LAST_WAIT_S: Final = 5.0
_UNAVAILABLE: Final = frozenset({None, 502, 503, 504})
_BAD_LINE: Final = re.compile(r"line (\d+), ([^:]+): (.*?)(?:; nothing of this request was stored)?$")
_OF_A_REP: Final = re.compile(r"reps\[(\d+)\]\.?(.*)")

# What the columns have to be: any type that turns into these without loss.
_SESSION: Final = {
    "session": pa.string(),
    "user": pa.string(),
    "gym": pa.string(),
    "machine": pa.string(),
    "start_at": pa.timestamp("us", tz="UTC"),
    "end_at": pa.timestamp("us", tz="UTC"),
}
_REP: Final = {
    "session": pa.string(),
    "set": pa.int64(),
    "rep": pa.int64(),
    "t_start_us": pa.int64(),
    "t_turn_us": pa.int64(),
    "t_end_us": pa.int64(),
    "load_kg": pa.float64(),
    "depth_mm": pa.float64(),
    "rom_mm": pa.float64(),
    "eccentric_s": pa.float64(),
    "concentric_s": pa.float64(),
}
_MAYBE_OF_A_REP: Final = {
    "bottom_dwell_s": pa.float64(),
    "mean_velocity_m_s": pa.float64(),
    "mean_propulsive_velocity_m_s": pa.float64(),
    "peak_velocity_m_s": pa.float64(),
    "work_j": pa.float64(),
    "velocity_loss_pct": pa.float64(),
    "knee_deg": pa.float64(),
    "hip_deg": pa.float64(),
    "limit_mm": pa.float64(),
    "over_mm": pa.float64(),
    "limit_tier": pa.string(),
    "quality": pa.string(),
    "quality_reason": pa.string(),
    "propulsive_s": pa.float64(),
    "eccentric_peak_velocity_m_s": pa.float64(),
    "turn_deceleration_m_s2": pa.float64(),
    "lockout_velocity_m_s": pa.float64(),
    "left_n": pa.float64(),
    "right_n": pa.float64(),
    "asymmetry_pct": pa.float64(),
}
_MEMBER: Final = {"user": pa.string()}
_MAYBE_OF_A_MEMBER: Final = {
    "name": pa.string(),
    "height_mm": pa.float64(),
    "sex": pa.string(),
    "gym": pa.string(),
    "machine": pa.string(),
    "limit_mm": pa.float64(),
}
_NOTE: Final = {"user": pa.string(), "kind": pa.string(), "at": pa.timestamp("us", tz="UTC")}
_MAYBE_OF_A_NOTE: Final = {"session": pa.string(), "text": pa.string()}


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Sessions sent of all that the files hold; how many of them were new, and their reps; notes that were new."""

    sent: int
    sessions: int
    new: int
    reps: int
    per_s: float
    notes: int = 0


@dataclass(frozen=True, slots=True)
class _Pair:
    """A file of sessions and the file of their reps."""

    sessions: Path
    reps: Path


@dataclass(frozen=True, slots=True)
class _Lines:
    """Sessions as lines of the import; of each its row in the file, and the rows of its reps in theirs."""

    lines: list[bytes]
    names: list[str]
    rows: list[int]
    rep_rows: list[Sequence[int]]


def import_history(
    directory: Path,
    api_url: str,
    token: str | None,
    report: Callable[[ImportProgress], None],
    stop: threading.Event,
    patience_s: float = 60.0,
) -> ImportProgress:
    """Send members, sessions, reps and notes; what is there already stays as it is. Returns how far it came.

    Columns that are absent or of another kind are told before anything is sent. patience_s: how long to wait for a
    system that does not answer. Raises WrongUse for files that cannot be imported, Failed when the API refuses or
    stays away.
    """
    pairs = _pairs(directory)
    members = directory / "members.parquet"
    for pair in pairs:
        _check(pair.sessions, _SESSION, {})
        _check(pair.reps, _REP, _MAYBE_OF_A_REP)
    if members.exists():
        _check(members, _MEMBER, _MAYBE_OF_A_MEMBER)
    notes = directory / "notes.parquet"
    if notes.exists():
        _check(notes, _NOTE, _MAYBE_OF_A_NOTE)
    with Api(api_url, token) as api:
        importing = _Importing(api, pairs, report, stop, patience_s)
        return importing.run(members if members.exists() else None, notes if notes.exists() else None)


class _Importing:
    def __init__(
        self,
        api: Api,
        pairs: Sequence[_Pair],
        report: Callable[[ImportProgress], None],
        stop: threading.Event,
        patience_s: float,
    ) -> None:
        self._api = api
        self._pairs = pairs
        self._report = report
        self._stop = stop
        self._patience_s = patience_s
        self._all = sum(_opened(pair.sessions).metadata.num_rows for pair in pairs)
        self._began_s = time.monotonic()
        self._sent = self._new = self._reps = self._noted = 0

    def run(self, members: Path | None, notes: Path | None) -> ImportProgress:
        if members is not None:
            self._members(members)
        for pair in self._pairs:
            for portion in _portions(pair):
                if self._stop.is_set():
                    return self._progress()
                self._send(pair, portion)
                self._report(self._progress())
        if notes is not None:
            self._notes(notes)
        return self._progress()

    def _notes(self, path: Path) -> None:
        """What members said of how they felt; it belongs to sessions that are in by now."""
        for row, note in enumerate(_read(path, _NOTE, _MAYBE_OF_A_NOTE).to_pylist(), start=1):
            if self._stop.is_set():
                return
            wish = {name: value for name, value in note.items() if name != "user" and value is not None}
            try:
                self._note(note["user"], wish | {"at": note["at"].isoformat()})
            except ApiError as error:
                if error.status in {404, 422}:
                    raise WrongUse(f"{path}: row {row} ({note['user']}): {error.detail}") from error
                raise self._failed(error) from error

    def _note(self, user: str, wish: Mapping[str, Any]) -> None:
        done = self._patiently(lambda: self._api.note(user, wish))
        self._noted += done is not None and not done["repeated"]

    def _send(self, pair: _Pair, portion: _Lines) -> None:
        try:
            done = self._patiently(lambda: self._api.import_lines(portion.lines))
        except ApiError as error:
            raise WrongUse(_place(pair, portion, error)) if error.status == 422 else self._failed(error) from error
        if done is not None:
            self._sent += len(portion.lines)
            self._new += done["sessions"]
            self._reps += done["reps"]

    def _members(self, path: Path) -> None:
        """Names and limits of those whom nobody has named yet: what staff have said since is theirs."""
        table = _read(path, _MEMBER, _MAYBE_OF_A_MEMBER)
        try:
            named = self._patiently(
                lambda: {item["user"] for item in self._api.items("/members", limit="1000") if item["name"] is not None}
            )
            for row, member in enumerate(table.to_pylist(), start=1):
                if named is None or self._stop.is_set():
                    return
                if member["user"] not in named:
                    self._member(path, row, member)
        except ApiError as error:
            raise self._failed(error) from error

    def _member(self, path: Path, row: int, member: Mapping[str, Any]) -> None:
        user = member["user"]
        where = (member.get("gym"), member.get("machine"))
        known = {name: member[name] for name in ("name", "height_mm", "sex") if member.get(name) is not None}

        def put() -> None:
            # The name comes last: whoever has one is not looked at again.
            if member.get("limit_mm") is not None and None not in where:
                limit = {"limit_mm": member["limit_mm"]}
                self._api.put(f"/members/{user}/limits/{where[0]}/{where[1]}", limit)
            self._api.put(f"/members/{user}", known)

        try:
            self._patiently(put)
        except ApiError as error:
            if error.status in {404, 422}:
                raise WrongUse(f"{path}: row {row} ({user}): {error.detail}") from error
            raise

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """Call, again and again while nobody answers; None when it was stopped meanwhile. Raises ApiError."""
        deadline_s = time.monotonic() + self._patience_s
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                return call()
            except ApiError as error:
                if error.status not in _UNAVAILABLE or time.monotonic() + wait_s > deadline_s:
                    raise
            self._stop.wait(wait_s)
            wait_s = min(_LAST_WAIT_S, 2.0 * wait_s)
        return None

    def _failed(self, error: ApiError) -> Failed:
        return Failed(f"{error}; {self._sent} of {self._all} sessions are in: run it again to go on")

    def _progress(self) -> ImportProgress:
        seconds = time.monotonic() - self._began_s
        return ImportProgress(
            self._sent, self._all, self._new, self._reps, self._sent / seconds if seconds else 0.0, self._noted
        )


def _pairs(directory: Path) -> list[_Pair]:
    """Each file of sessions with that of their reps, which has the same name below `reps`."""
    if not directory.is_dir():
        raise WrongUse(f"{directory}: no such directory")
    single = directory / "sessions.parquet"
    found = [single] if single.exists() else sorted((directory / "sessions").rglob("*.parquet"))
    if not found:
        raise WrongUse(f"{directory}: no sessions in it: expected sessions/…/*.parquet and reps/…/*.parquet")
    pairs = []
    for sessions in found:
        reps = directory / "reps.parquet"
        if sessions != single:
            reps = directory / "reps" / sessions.relative_to(directory / "sessions")
        if not reps.exists():
            raise WrongUse(f"{sessions}: the file of its reps is not there: expected {reps}")
        pairs.append(_Pair(sessions, reps))
    return pairs


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise WrongUse(f"{path}: no Parquet file that can be read: {error}") from error


def _check(path: Path, needed: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType]) -> None:
    schema = _opened(path).schema_arrow
    absent = [name for name in needed if name not in schema.names]
    if absent:
        raise WrongUse(f"{path}: no column {', '.join(absent)}; docs/history.md says what is expected")
    for name, kind in {**needed, **optional}.items():
        if name in schema.names and not _fits(schema.field(name).type, kind):
            raise WrongUse(f"{path}: column {name} is {schema.field(name).type}: expected {kind}")


def _fits(given: pa.DataType, kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(given):
        given = given.value_type
    if pa.types.is_null(given):
        return True
    if pa.types.is_string(kind):
        return bool(pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_string_view(given))
    if pa.types.is_timestamp(kind):
        return bool(pa.types.is_timestamp(given)) and given.tz is not None
    if pa.types.is_integer(kind):
        return bool(pa.types.is_integer(given))
    return bool(pa.types.is_floating(given) or pa.types.is_integer(given) or pa.types.is_decimal(given))


def _read(path: Path, needed: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType]) -> pa.Table:
    """The columns that count, cast. Raises WrongUse for a value that is missing or does not fit, with its row."""
    file = _opened(path)
    wanted = {name: kind for name, kind in {**needed, **optional}.items() if name in file.schema_arrow.names}
    try:
        table = file.read(columns=list(wanted))
    except (OSError, pa.ArrowException) as error:
        raise WrongUse(f"{path}: cannot be read: {error}") from error
    columns = {}
    for name, kind in wanted.items():
        column = table[name]
        if name in needed and column.null_count:
            row = pc.index(column.is_null(), True).as_py() + 1
            raise WrongUse(f"{path}: row {row}: no {name}")
        try:
            columns[name] = column.cast(kind)
        except pa.ArrowException as error:
            raise WrongUse(f"{path}: column {name}: {error}") from error
    return pa.table(columns)


def _portions(pair: _Pair) -> Iterator[_Lines]:
    """The sessions of a file in order, as lines, some hundred at a time."""
    sessions, reps = _read(pair.sessions, _SESSION, {}), _read(pair.reps, _REP, _MAYBE_OF_A_REP)
    names = sessions["session"].to_pylist()
    order, ends = _by_session(pair, names, reps)
    first = [0, *ends[:-1]]
    reps = reps.drop_columns(["session"]).take(pa.array(order))
    if "quality" in reps.column_names:
        place = reps.column_names.index("quality")
        reps = reps.set_column(place, "quality", reps["quality"].fill_null("ok"))
    whose = [sessions[name].to_pylist() for name in ("user", "gym", "machine", "start_at", "end_at")]
    for here in _requests(ends):
        base, stop = first[here.start], ends[here.stop - 1]
        part = reps.slice(base, stop - base)
        fields = part.column_names
        rows = list(zip(*(column.to_pylist() for column in part.columns), strict=True))
        lines = []
        for at in here:
            user, gym, machine, start_at, end_at = (column[at] for column in whose)
            lines.append(
                msgspec.json.encode(
                    {
                        "session": names[at],
                        "user": user,
                        "gym": gym,
                        "machine": machine,
                        "start_at": start_at,
                        "end_at": end_at,
                        "reps": [
                            dict(zip(fields, row, strict=True)) for row in rows[first[at] - base : ends[at] - base]
                        ],
                    }
                )
            )
        rep_rows = [order[first[at] : ends[at]] + 1 for at in here]
        yield _Lines(lines, names[here.start : here.stop], [at + 1 for at in here], rep_rows)


def _requests(ends: Sequence[int]) -> Iterator[range]:
    """The sessions of each request, by where the reps of each session end."""
    begin = sent = 0
    for at, end in enumerate(ends):
        if at > begin and (at - begin >= SESSIONS_A_REQUEST or end - sent > REPS_A_REQUEST):
            yield range(begin, at)
            begin, sent = at, ends[at - 1]
    if len(ends) > begin:
        yield range(begin, len(ends))


def _by_session(pair: _Pair, names: Sequence[str], reps: pa.Table) -> tuple[Any, list[int]]:
    """The rows of the reps in the order of the sessions, and where each session's end in it."""
    place = {name: at for at, name in enumerate(names)}
    of = [place.get(name, -1) for name in reps["session"].to_pylist()]
    if -1 in of:
        row = of.index(-1)
        raise WrongUse(
            f"{pair.reps}: row {row + 1}: session {reps['session'][row].as_py()!r} is not in {pair.sessions}"
        )
    sessions = np.array(of, dtype=np.int64)
    return np.argsort(sessions, kind="stable"), np.cumsum(np.bincount(sessions, minlength=len(names))).tolist()


def _place(pair: _Pair, portion: _Lines, error: ApiError) -> str:
    """What the API found wrong with a line, at the row of the file that the line was made of."""
    found = _BAD_LINE.match(error.detail)
    if found is None:
        return f"{pair.sessions}: {error.detail}"
    at, field, why = int(found[1]) - 1, found[2], found[3]
    of_a_rep = _OF_A_REP.match(field)
    if of_a_rep is None:
        return f"{pair.sessions}: row {portion.rows[at]} (session {portion.names[at]}): {field}: {why}"
    row = portion.rep_rows[at][int(of_a_rep[1])]
    return f"{pair.reps}: row {row} (session {portion.names[at]}): {of_a_rep[2]}: {why}"
