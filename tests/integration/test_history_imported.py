"""`sledwatch import`: Parquet files into a real API; what is wrong in them is named by file and row."""

import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from api_house import NOW_US, TOKEN, House, S, open_house
from closing_house import empty_state
from sledwatch_app import importing
from sledwatch_app.errors import Failed, WrongUse
from sledwatch_app.importing import ImportProgress, import_history
from sledwatch_sim.history.making import HistoryConfig, make_history
from web_server import served

__all__ = ["empty_state"]

DAY_US = 86_400 * S
START_US = (NOW_US // DAY_US - 60) * DAY_US


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("history") / "years"
    make_history(HistoryConfig(out, members=6, days=60, start_us=START_US), lambda _: None, threading.Event())
    return out


@pytest.fixture
def house(tmp_path: Path, empty_state: Path) -> Iterator[House]:
    with open_house(tmp_path, empty_state) as opened:
        yield opened


@pytest.fixture
def url(house: House, free_port: Callable[[], int]) -> Iterator[str]:
    with served(house.app, free_port()) as address:
        yield address


@pytest.fixture
def few_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "SESSIONS_A_REQUEST", 7)


def load(directory: Path, url: str, report: Callable[[ImportProgress], None] = lambda _: None) -> ImportProgress:
    return import_history(directory, url, TOKEN, report, threading.Event(), patience_s=0.1)


def rows(directory: Path, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(directory / kind).to_pylist()
    return found


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_members_limits_sessions_and_reps_come_in(made: Path, house: House, url: str) -> None:
    done = load(made, url)
    sessions, reps = rows(made, "sessions"), rows(made, "reps")
    assert (len(sessions), len(sessions), len(reps)) == (done.sent, done.new, done.reps)

    members = {row["user"]: row for row in pq.read_table(made / "members.parquet").to_pylist()}
    shown = {item["user"]: item for item in house.get("/members")["items"]}
    assert {user: (row["name"], row["height_mm"], row["sex"]) for user, row in members.items()} == {
        user: (item["name"], item["height_mm"], item["sex"]) for user, item in shown.items()
    }
    one = sessions[3]
    limit = house.get(f"/members/{one['user']}/limits/{one['gym']}/{one['machine']}")
    assert [one["limit_mm"]] == [item["limit_mm"] for item in limit["items"]]

    found = house.get(f"/sessions/{one['session']}")
    assert (one["user"], one["machine"], iso(one["start_at"]), iso(one["end_at"]), one["reps"]) == tuple(
        found[name] for name in ("user", "machine", "start_at", "end_at", "reps")
    )
    stored = house.get(f"/sessions/{one['session']}/reps", limit=200)["items"]
    of_it = [row for row in reps if row["session"] == one["session"]]
    # What lies in a file beyond the API's fields is the truth's, or says which file it is.
    fields = set(of_it[0]) - {"share_of_1rm", "by", "user_hash"}
    assert [{name: rep[name] for name in fields} for rep in of_it] == [
        {name: rep[name] for name in fields} for rep in stored
    ]


def test_notes_of_pain_come_in_once_and_one_that_was_taken_back_stays_so(
    tmp_path: Path, made: Path, house: House, url: str
) -> None:
    directory = shutil.copytree(made, tmp_path / "years")
    session = rows(made, "sessions")[0]
    note = {"user": session["user"], "kind": "back-pain", "at": session["end_at"], "session": session["session"]}
    pq.write_table(pa.Table.from_pylist([note]), directory / "notes.parquet")
    assert 1 == load(directory, url).notes
    (known,) = house.get(f"/members/{note['user']}/notes")["items"]
    assert (note["session"], "back-pain") == (known["session"], known["kind"])
    house.client.delete(f"/api/v1/members/{note['user']}/notes/{known['id']}")
    assert 0 == load(directory, url).notes
    (known,) = house.get(f"/members/{note['user']}/notes")["items"]
    assert "admin" == known["taken_back_by"]
    pq.write_table(pa.Table.from_pylist([note | {"user": "m-nobody"}]), directory / "notes.parquet")
    with pytest.raises(WrongUse, match=r"notes\.parquet: row 1 \(m-nobody\): no member m-nobody"):
        load(directory, url)


@pytest.mark.usefixtures("few_a_request")
def test_an_import_that_was_stopped_goes_on_where_it_was(made: Path, url: str) -> None:
    stop = threading.Event()
    first = import_history(made, url, TOKEN, lambda _: stop.set(), stop)
    # Stopped at the first report: one request was answered.
    assert 0 < first.new == first.sent <= 7
    again = load(made, url)
    assert first.sessions == again.sent == again.new + first.new
    assert 0 == load(made, url).new


def test_what_staff_have_said_since_stays(made: Path, house: House, url: str) -> None:
    load(made, url)
    (user, *_) = (item["user"] for item in house.get("/members")["items"])
    house.client.put(f"/api/v1/members/{user}", json={"name": "Ada Renamed"})
    load(made, url)
    assert "Ada Renamed" == house.get(f"/members/{user}")["name"]


@pytest.mark.usefixtures("few_a_request")
def test_progress_counts_up_to_all_sessions(made: Path, url: str) -> None:
    told: list[ImportProgress] = []
    load(made, url, told.append)
    assert sorted(one.sent for one in told) == [one.sent for one in told]
    assert {len(rows(made, "sessions"))} == {told[-1].sent, told[-1].sessions}


def small(directory: Path, made: Path, **changes: Any) -> Path:
    """Sessions and reps of one member in single files; changes: columns of reps or sessions, by `kind__column`."""
    user = rows(made, "sessions")[0]["user"]
    for kind in ("sessions", "reps"):
        table = pq.read_table(made / kind)
        table = table.filter(pc.equal(table["user"].cast(pa.string()), user))
        for name, change in changes.items():
            of, _, column = name.partition("__")
            if of == kind:
                values = change(table[column].to_pylist())
                table = table.drop_columns([column])
                if values is not None:
                    table = table.append_column(column, pa.array(values))
        pq.write_table(table, directory / f"{kind}.parquet")
    return directory


def at(row: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    """The column with another value in a row, counted from 1."""
    return lambda values: [*values[: row - 1], value, *values[row:]]


def test_single_files_and_reps_in_any_order_will_do(tmp_path: Path, made: Path, house: House, url: str) -> None:
    small(tmp_path, made)
    reps = pq.read_table(tmp_path / "reps.parquet")
    order = sorted(range(reps.num_rows), key=lambda row: (reps["rep"][row].as_py(), reps["session"][row].as_py()))
    pq.write_table(reps.take(order), tmp_path / "reps.parquet")
    done = load(tmp_path, url)
    assert reps.num_rows == done.reps
    session = reps["session"][0].as_py()
    assert list(range(1, house.get(f"/sessions/{session}")["reps"] + 1)) == [
        rep["rep"] for rep in house.get(f"/sessions/{session}/reps", limit=200)["items"]
    ]


def test_columns_that_are_not_needed_may_be_absent_or_empty(tmp_path: Path, made: Path, url: str) -> None:
    small(
        tmp_path,
        made,
        reps__work_j=lambda _: None,
        reps__limit_tier=lambda values: [None] * len(values),
        reps__mean_velocity_m_s=at(3, None),
    )
    assert 0 < load(tmp_path, url).new


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reps__rom_mm": lambda _: None}, r"reps.parquet: no column rom_mm"),
        (
            {"sessions__start_at": lambda v: [str(one) for one in v]},
            r"sessions.parquet: column start_at is string: exp",
        ),
        (
            {"sessions__start_at": lambda v: [one.replace(tzinfo=None) for one in v]},
            r"column start_at is timestamp\[us\]: expected timestamp\[us, tz=UTC\]",
        ),
        ({"reps__set": lambda v: [float(one) for one in v]}, r"reps.parquet: column set is double: expected int64"),
        ({"reps__load_kg": at(5, None)}, r"reps.parquet: row 5: no load_kg"),
        (
            {"reps__session": at(9, "h9-strange")},
            r"reps.parquet: row 9: session 'h9-strange' is not in .*sessions.parq",
        ),
        (
            {"reps__depth_mm": at(60, 2_500.0)},
            r"reps.parquet: row 60 \(session h1-.*\): depth_mm: Expected `float` <= ",
        ),
        (
            {"reps__depth_mm": at(60, float("nan"))},
            r"reps.parquet: row 60 \(session h1-.*\): depth_mm: Expected `float`",
        ),
        ({"sessions__user": at(2, "No Pseudonym")}, r"sessions.parquet: row 2 \(session h1-.*\): user: Expected `str`"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_row(
    tmp_path: Path, made: Path, house: House, url: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(WrongUse, match=words):
        load(small(tmp_path, made, **changes), url)
    assert [] == house.get("/members")["items"]


def test_the_row_is_that_of_the_file_whatever_the_order(tmp_path: Path, made: Path, url: str) -> None:
    small(tmp_path, made, reps__depth_mm=at(60, 2_500.0))
    reps = pq.read_table(tmp_path / "reps.parquet")
    pq.write_table(reps.take(list(range(reps.num_rows))[::-1]).sort_by("rep"), tmp_path / "reps.parquet")
    row = pq.read_table(tmp_path / "reps.parquet")["depth_mm"].to_pylist().index(2_500.0) + 1
    with pytest.raises(WrongUse, match=rf"reps.parquet: row {row} \(session"):
        load(tmp_path, url)


def test_a_directory_that_holds_no_history_is_wrong_use(tmp_path: Path, made: Path, url: str) -> None:
    with pytest.raises(WrongUse, match="no such directory"):
        load(tmp_path / "nowhere", url)
    with pytest.raises(WrongUse, match="no sessions in it"):
        load(tmp_path, url)
    shutil.copytree(made / "sessions", tmp_path / "sessions")
    with pytest.raises(WrongUse, match="the file of its reps is not there"):
        load(tmp_path, url)
    (tmp_path / "sessions.parquet").write_text("PAR?")
    (tmp_path / "reps.parquet").write_text("PAR?")
    with pytest.raises(WrongUse, match="no Parquet file that can be read"):
        load(tmp_path, url)


def test_a_system_that_is_away_is_told_with_what_is_in(made: Path, free_port: Callable[[], int]) -> None:
    with pytest.raises(Failed, match=r"no answer from .*; 0 of \d+ sessions are in: run it again to go on"):
        load(made, f"http://127.0.0.1:{free_port()}")


def test_a_system_that_comes_back_in_time_is_waited_for(made: Path, house: House, free_port: Callable[[], int]) -> None:
    port = free_port()
    done: list[ImportProgress] = []
    stop = threading.Event()
    loading = threading.Thread(
        target=lambda: done.append(import_history(made, f"http://127.0.0.1:{port}", TOKEN, lambda _: None, stop))
    )
    loading.start()
    with served(house.app, port):
        loading.join(30)
    stop.set()
    loading.join(10)
    assert [len(rows(made, "sessions"))] == [one.new for one in done]


def test_years_in_large_sessions_are_sent_by_their_reps() -> None:
    """A request stays far below the 64 MiB that the API takes, however long the sessions are."""
    ends = list(range(1_000, 101_000, 1_000))
    assert [range(40), range(40, 80), range(80, 100)] == list(importing._requests(ends))
    assert [range(1), range(1, 2)] == list(importing._requests([50_000, 100_000]))
    assert [] == list(importing._requests([]))
