"""Years made and loaded as a user does it: two commands, and the pages' data is there."""

import pytest

from whole_line import WholeLine


@pytest.fixture(scope="module")
def line(tmp_path_factory, free_port):  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path_factory.mktemp("history") / "data", free_port, "--no-simulator") as running:
        yield running


def test_years_are_made_loaded_and_counted(line: WholeLine) -> None:
    made = line.run("history", "--members", "8", "--days", "90", "--out", "years", "--samples", "0")
    assert (0, "") == (made.returncode, made.stderr)
    loaded = line.run("import", "years")
    assert 0 == loaded.returncode, loaded.stderr
    again = line.run("import", "years")
    assert "0 of them new" in again.stdout

    members = line.get("/members")["items"]
    assert [f"h1-{number:05d}" for number in range(8)] == [member["user"] for member in members]
    assert all(member["name"] for member in members)
    trained = max(members, key=lambda member: member["last_session_at"] or "")
    workload = line.get(f"/members/{trained['user']}/workload")
    assert 5 < sum(day["sessions"] for day in workload["days"])
    assert [] == line.get("/alerts")["items"]


def test_what_cannot_be_imported_is_one_line(line: WholeLine) -> None:
    done = line.run("import", "nowhere")
    assert (2, "sledwatch: nowhere: no such directory\n") == (done.returncode, done.stderr)
