"""Keys of a terminal and words of a script."""

import pytest

from sledwatch_sim.by_hand.keys import Key, KeyReader, Step, WrongKeys, parse


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (b"b \r", ["b", " ", "enter"]),
        (b"\x1b[A\x1b[B", ["up", "down"]),
        (b"\x1bOA\x1bOB", ["up", "down"]),
        (b"\x1b[1;5Cq\x1b[3~", ["q"]),
        ("ä€q".encode(), ["ä", "€", "q"]),
        (b"\x00\x01\xffq\x7f", ["q", "backspace"]),
    ],
)
def test_keys_are_told_apart_however_they_are_cut(typed: bytes, expected: list[str]):
    assert expected == KeyReader().feed(typed)
    one_by_one = KeyReader()
    assert expected == [key for byte in typed for key in one_by_one.feed(bytes([byte]))]


def test_an_escape_alone_is_a_key_once_nothing_follows():
    reader = KeyReader()
    assert [] == reader.feed(b"\x1b")
    assert reader.begun
    assert ["escape"] == reader.flush()
    assert not reader.begun


def test_a_script_is_words_with_times_and_values():
    expected = [
        *[Step(Key.BADGE), Step(Key.REP), Step(Key.REP), Step(Key.REP), Step(Key.DEEPER), Step(Key.DEEPER)],
        *[Step(Key.TARGET, 430.0), Step(Key.WAIT, 1.5), Step(Key.USER, "m-7"), Step(Key.MORE), Step(Key.QUIT)],
    ]
    assert expected == parse("b 3*rep d d  # too deep\n target=430 wait=1.5\nuser=m-7 + q")
    assert [Step(Key.MORE), Step(Key.MORE), Step(Key.MORE)] == parse("+ = more")
    assert [] == parse(" # nothing")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("b repp", r"word 2, 'repp': expected one of badge"),
        ("0*rep", "'0' times: expected 1 to 1000"),
        ("x*rep", "'x' times"),
        ("wait", "expected wait=seconds, such as wait=1.5"),
        ("wait=long", "expected wait=seconds"),
        ("target=-3", "expected target=millimetres"),
        ("wait=nan", "expected wait=seconds"),
        ("rep=3", "rep takes no value"),
        ("u", "expected user=NAME"),
    ],
)
def test_a_script_that_cannot_be_read_says_where_and_what_was_expected(script: str, expected: str):
    with pytest.raises(WrongKeys, match=expected.replace("*", r"\*")):
        parse(script)
