"""A machine's refused message, found, looked at and tried again from the command line."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from sledwatch.events import Reason, Refusal, TopicKind, encode, topic
from sledwatch_storage.state import quarantine
from sledwatch_storage.state.engine import begin, open_state
from sledwatch_storage.state.quarantine import Refused
from store_and_forward import Machine, frame
from waiting import eventually
from whole_line import WholeLine, now_us


@pytest.fixture(scope="module")
def line(tmp_path_factory, free_port) -> Iterator[WholeLine]:  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path_factory.mktemp("quarantine") / "data", free_port, "--no-simulator") as running:
        yield running


@pytest.fixture
def state(line: WholeLine) -> Iterator[Engine]:
    opened = open_state(f"sqlite:///{line.data / 'state.db'}")
    yield opened
    opened.dispose()


def listed(line: WholeLine, *flags: str) -> list[dict[str, object]]:
    done = line.run("quarantine", "list", "--json", *flags)
    assert 0 == done.returncode, done.stderr
    return [json.loads(row) for row in done.stdout.splitlines()]


def refused_by_an_earlier_version(state: Engine, *seqs: int, machine: str) -> list[str]:
    """Frames that keep the contract as it is now; their ids."""
    for seq in seqs:
        of = topic("north", machine, TopicKind.FRAME)
        refusal = Refusal(Reason.WRONG_TYPE, "what it said", "north", machine, "boot-1", seq)
        with begin(state) as connection:
            quarantine.add(connection, [Refused(now_us(), of, encode(frame(seq)), refusal)], now_us())
    kept = quarantine.listing(state, gym="north")
    return [str(one.id) for one in kept if one.refused.refusal.machine == machine][::-1]


def test_what_a_machine_sent_is_found_looked_at_and_refused_again(line: WholeLine) -> None:
    machine = Machine(line.mqtt_url, "south", "lp-1")
    try:
        eventually(lambda: machine.connected)
        machine.press_badly(load_kg=9_999.0)
        (item,) = eventually(lambda: listed(line, "--gym", "south"))
    finally:
        machine.close()
    id_ = str(item["id"])
    shown = line.run("quarantine", "show", id_)
    assert (0, 1) == (shown.returncode, shown.stdout.count('"load_kg": 9999.0'))
    assert "load-out-of-range" in shown.stdout

    done = line.run("quarantine", "replay", id_, "--json")
    assert 1 == done.returncode
    (again,) = json.loads(done.stdout)["refused"]
    assert (int(id_), "load-out-of-range") == (again["id"], again["reason"])
    assert "1 message could not be replayed" in done.stderr


def test_what_can_be_taken_now_is_stored_and_in_the_machines_account(line: WholeLine, state: Engine) -> None:
    ids = refused_by_an_earlier_version(state, 0, 1, machine="lp-2")
    done = line.run("quarantine", "replay", *ids)
    assert (0, "Replayed 2 of 2 messages.\n", "") == (done.returncode, done.stdout, done.stderr)
    assert 2 == line.get("/gyms/north/machines/lp-2")["account"]["stored"]
    assert 2 == len(listed(line, "--state", "replayed"))


def test_when_many_are_refused_again_the_first_are_shown_and_the_others_counted(line: WholeLine, state: Engine) -> None:
    of = topic("west", "lp-4", TopicKind.FRAME)
    for seq in range(23):
        refusal = Refusal(Reason.BAD_JSON, "what it said", "west", "lp-4", "boot-1", seq)
        with begin(state) as connection:
            quarantine.add(connection, [Refused(now_us(), of, b"{%d" % seq, refusal)], now_us())
    done = line.run("quarantine", "replay", "--gym", "west")
    assert (1, 22) == (done.returncode, len(done.stdout.splitlines()))
    assert "and 3 more: bad-json 3" == done.stdout.splitlines()[-1]


def test_all_of_a_reason_are_taken_without_waiting(line: WholeLine, state: Engine) -> None:
    refused_by_an_earlier_version(state, 5, 6, 7, machine="lp-3")
    done = line.run("quarantine", "replay", "--reason", "wrong-type", "--gym", "north", "--no-wait")
    assert (0, "Asked for 3 messages.\n") == (done.returncode, done.stdout)
    eventually(lambda: not listed(line, "--gym", "north"))


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["replay"], 2, "--all"),
        (["replay", "1", "--all"], 2, "--all"),
        (["replay", "one"], 2, "integer"),
        (["replay", "--reason", "ugly"], 2, "load-out-of-range"),
        (["list", "--state", "lost"], 2, "held"),
        (["show", "99999"], 1, "no message 99999"),
        (["replay", "99999"], 1, "no message 99999"),
        (["replay", "--gym", "nowhere"], 1, "no message"),
    ],
)
def test_what_cannot_be_done_is_said(line: WholeLine, words: list[str], code: int, expected: str) -> None:
    done = line.run("quarantine", *words)
    assert code == done.returncode
    assert expected in done.stderr


def test_an_empty_list_says_so(line: WholeLine) -> None:
    assert "No refused message is like that.\n" == line.run("quarantine", "list", "--gym", "nowhere").stdout
