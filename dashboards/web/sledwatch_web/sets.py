"""What the page of a session's sets shows. Plain functions."""

from collections.abc import Mapping
from dataclasses import dataclass

from sledwatch_web import words
from sledwatch_web.api import Json

TOLD = {
    "assigned": "Noted. Everything that follows from it is computed again, for everybody concerned.",
    "discarded": "Noted: those sets count for nobody. Assign them to somebody to take that back.",
}


@dataclass(frozen=True, slots=True)
class SetRow:
    """A line of the table. whose: badge, other or nobody; said: who said so and when, empty where nobody did."""

    number: int
    at: words.Moment | None
    reps: str
    depth: str
    load: str
    whose: str
    name: str
    href: str
    said: str


def set_row(one: Json, badge: str, names: Mapping[str, str], time_zone: str | None, now_us: int) -> SetRow:
    """A set of the API. badge: the user whose badge it was. names: of members, where known."""
    user = one["user"]
    said = ""
    if one.get("corrected_by"):
        moment = words.moment(one["corrected_at"], time_zone, now_us)
        said = f"said by {one['corrected_by']}" + (f", {moment.text}" if moment else "")
    return SetRow(
        number=one["set"],
        at=words.moment(one["start_at"], time_zone, now_us),
        reps=words.number(one["reps"]),
        depth=words.mm(one["depth_mm"]),
        load=words.kg(one["load_kg"]),
        whose="nobody" if user is None else "badge" if user == badge else "other",
        name="Nobody: discarded" if user is None else names.get(user, user),
        href="" if user is None else f"/sessions/{one['session']}",
        said=said,
    )
