"""What somebody does on a machine at this moment."""

from dataclasses import dataclass

from sledwatch.events import Rep, Setup


@dataclass(frozen=True, slots=True)
class Pressed:
    """A member on a machine, and where their sled is.

    depth_mm, load_kg: the newest sample. bottom_mm: the deepest of the rep in progress, None between reps and where a
    gap or a glitch makes it unsure. reps: told of the session so far.
    """

    user: str
    session: str
    setup: Setup | None
    depth_mm: float | None
    load_kg: float | None
    bottom_mm: float | None
    reps: tuple[Rep, ...]
