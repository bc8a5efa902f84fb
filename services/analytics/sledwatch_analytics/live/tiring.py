"""Whether somebody is tired, by the set that they are in: said once a set, when a rep has shown it."""

from collections.abc import Sequence

from sledwatch.events import Rep
from sledwatch.limits import ReferenceLoad, is_light, with_lifted
from sledwatch.technique import set_trend


class Tiring:
    """Follows the reps of one session."""

    def __init__(self) -> None:
        self._set = 0
        self._rep: Rep | None = None

    def look(self, reps: Sequence[Rep], new: Sequence[Rep], reference: ReferenceLoad | None) -> None:
        """Reps were told. reps: of the session so far, `new` the last of them. reference: what loads are held against.

        Tired: more than 40 % slower than the best of the set, or deeper and slower together. On a light load nobody is,
        and nothing is said of a rep that is unsure.
        """
        last = new[-1] if new else None
        if last is None or last.quality != "ok" or last.set == self._set:
            return
        sure = [rep for rep in reps if rep.quality == "ok"]
        held_against = with_lifted(reference, (rep.load_kg for rep in sure))
        if is_light(last.load_kg, None if held_against is None else held_against.kg):
            return
        trend = set_trend([rep for rep in sure if rep.set == last.set])
        if trend.near_failure or trend.fatigue:
            self._set = last.set
            self._rep = last

    def shown_in(self, in_set: int) -> bool:
        """Whether a rep of this set has shown it."""
        return 0 < self._set == in_set

    def say(self, in_set: int) -> Rep | None:
        """The rep that is to be told of now, in this set; None where there is none. One of an earlier set is past."""
        told, self._rep = self._rep, None
        return told if told is not None and told.set == in_set else None
