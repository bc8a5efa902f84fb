"""What a run of the simulator says of itself, and how it asks to be let in."""

from collections.abc import Iterator

from http_stand_in import Answer, answering
from sledwatch_app.progress import account_of, standing_of
from sledwatch_sim import Progress
from sledwatch_sim.api import Api


def progress(**changed: float) -> Progress:
    figures = {
        "frames": 3456,
        "frames_per_s": 7.6,
        "samples_per_s": 381.2,
        "sessions": 12,
        "in_use": 5,
        "connected": 7,
        "machines": 8,
        "unstored": 0,
        "lost": 0,
        "refused": 0,
    }
    return Progress(phase="live", share=None, **(figures | changed))  # type: ignore[arg-type]


def test_where_a_run_stands_says_who_is_connected_and_what_goes_by():
    expected = "live · 7 of 8 connected · 5 in use · 8 frames/s · 381 samples/s · 0 unstored"
    assert expected == standing_of(progress())
    assert f"{expected} · 4 refused" == standing_of(progress(refused=4))
    assert "live · 7/8 connected · 8 frames/s · 0 unstored" == standing_of(progress(), brief=True)


def test_a_run_ends_with_an_account():
    assert "12 sessions, 3456 frames of 8 machines, all stored" == account_of(progress())
    assert (
        "12 sessions, 3456 frames of 8 machines, 3 messages not stored, 2 lost, 9 refused by the broker"
        == account_of(progress(unstored=3, lost=2, refused=9))
    )


def test_a_token_that_is_made_after_the_run_began_is_used():
    tokens: Iterator[str | None] = iter([None, "made-later"])
    with answering(lambda _: Answer(200, "{}")) as server, Api(server.url, lambda: next(tokens)) as api:
        api.get("/members")
        api.get("/members")
    assert [None, "made-later"] == server.tokens
