"""The gyms, which every page knows: their names, time zones and open alerts."""

from dataclasses import dataclass

from sledwatch_web.api import Json


@dataclass(frozen=True, slots=True)
class Gyms:
    """The gyms as `GET /gyms` lists them."""

    items: tuple[Json, ...]

    def name(self, gym: str) -> str:
        """A gym's name; its id where it has none."""
        return next((item.get("name") or gym for item in self.items if item["gym"] == gym), gym)

    def time_zone(self, gym: str | None) -> str | None:
        """A gym's time zone; of no gym in particular: the one that all share."""
        zones = {item.get("time_zone") for item in self.items if gym in {None, item["gym"]}}
        return zones.pop() if len(zones) == 1 else None

    @property
    def open_alerts(self) -> int:
        """How many alerts are open, in all gyms."""
        return sum(item.get("open_alerts") or 0 for item in self.items)
