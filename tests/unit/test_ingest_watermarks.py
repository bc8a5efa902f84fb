"""Who is told `stored`, and when."""

from collections.abc import Sequence

import msgspec
import pytest

from sledwatch.events import Stored, StoredBoot
from sledwatch_ingest.watermarks import EVERY_S, MachineKey, Watermarks


class Pace:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Wire:
    """What was published, and whether there is a connection."""

    def __init__(self) -> None:
        self.up = True
        self.said: list[tuple[str, int]] = []

    def publish(self, topic: str, payload: bytes) -> bool:
        if self.up:
            self.said.append((topic, msgspec.json.decode(payload, type=Stored).boots[0].seq))
        return self.up


@pytest.fixture
def pace() -> Pace:
    return Pace()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def seqs() -> dict[str, int]:
    """How far each machine is stored."""
    return {"lp-1": 5, "lp-2": 7}


@pytest.fixture
def watermarks(pace: Pace, wire: Wire, seqs: dict[str, int]) -> Watermarks:
    def read(machines: Sequence[MachineKey]) -> dict[MachineKey, Stored]:
        return {(gym, name): Stored((StoredBoot("b", seqs[name]),)) for gym, name in machines}

    return Watermarks(read, wire.publish, pace)


def test_a_machine_is_told_at_once_how_far_it_is_stored(watermarks: Watermarks, wire: Wire) -> None:
    watermarks.touch([("gym", "lp-1")])
    assert 1 == watermarks.tell()
    assert [("sledwatch/v1/gym/lp-1/stored", 5)] == wire.said


def test_a_machine_that_was_not_touched_is_left_alone(watermarks: Watermarks, wire: Wire) -> None:
    watermarks.touch([("gym", "lp-1")])
    watermarks.tell()
    watermarks.tell()
    assert 1 == len(wire.said)


def test_a_machine_is_told_at_most_every_two_seconds(
    watermarks: Watermarks, wire: Wire, pace: Pace, seqs: dict[str, int]
) -> None:
    for seq in range(10, 20):
        seqs["lp-1"] = seq
        watermarks.touch([("gym", "lp-1")])
        watermarks.tell()
        pace.now_s += EVERY_S / 4
    assert [("sledwatch/v1/gym/lp-1/stored", seq) for seq in (10, 14, 18)] == wire.said


def test_one_machine_does_not_hold_up_another(watermarks: Watermarks, wire: Wire) -> None:
    watermarks.touch([("gym", "lp-1")])
    watermarks.tell()
    watermarks.touch([("gym", "lp-1"), ("gym", "lp-2")])
    watermarks.tell()
    assert ["sledwatch/v1/gym/lp-1/stored", "sledwatch/v1/gym/lp-2/stored"] == [topic for topic, _ in wire.said]


def test_what_could_not_be_said_is_said_after_the_connection_is_back(watermarks: Watermarks, wire: Wire) -> None:
    wire.up = False
    watermarks.touch([("gym", "lp-1")])
    assert 0 == watermarks.tell()
    wire.up = True
    assert 1 == watermarks.tell()


def test_a_ledger_that_cannot_be_read_leaves_the_debt(pace: Pace, wire: Wire) -> None:
    answers = iter([None, Stored((StoredBoot("b", 3),))])

    def read(machines: Sequence[MachineKey]) -> dict[MachineKey, Stored]:
        answer = next(answers)
        if answer is None:
            raise OSError("the state DB is away")
        return dict.fromkeys(machines, answer)

    watermarks = Watermarks(read, wire.publish, pace)
    watermarks.touch([("gym", "lp-1")])
    with pytest.raises(OSError, match="away"):
        watermarks.tell()
    watermarks.tell()
    assert [("sledwatch/v1/gym/lp-1/stored", 3)] == wire.said
