"""The machines of a simulated gym: what they say of themselves, and what can be loaded on them."""

from dataclasses import dataclass
from typing import Final

from sledwatch import events
from sledwatch.machine import MachineSpec, coasting_m_s2, force_n

RATE_HZ: Final = 50.0
# Each boot names its own; a template holds this.
_NO_BOOT: Final = "template"


@dataclass(frozen=True, slots=True)
class Press:
    """A model of leg press.

    online: its birth certificate but for boot and what it holds. empty_kg: what moves with nothing loaded. step_kg:
    the smallest change of load (a pair of plates, or one plate of the stack). most_kg: all that fits.
    """

    online: events.Online
    empty_kg: float
    step_kg: float
    most_kg: float
    notches: int

    def load_near(self, kg: float) -> float:
        """The load that can be put on and is nearest to `kg`."""
        steps = round((kg - self.empty_kg) / self.step_kg)
        most = int((self.most_kg - self.empty_kg) / self.step_kg)
        return self.empty_kg + self.step_kg * min(max(steps, 0), most)

    def newtons_per_kg(self, setup: events.Setup) -> float:
        """What it takes to hold a kilogram of load, in newtons along the rail."""
        return force_n(MachineSpec.of(self.online, setup), 1.0, 0.0)

    def work_j(self, setup: events.Setup, load_kg: float, rom_mm: float) -> float:
        """Concentric work between two points of rest: what went into speed comes back out of it."""
        return force_n(MachineSpec.of(self.online, setup), load_kg, 0.0) * rom_mm / 1000.0

    @property
    def free_braking_m_s2(self) -> float:
        """How hard gravity alone stops the load on its way up; nobody pulls the sled back with their feet."""
        return -coasting_m_s2(MachineSpec.of(self.online, None))

    def reach_mm(self, notch: int) -> float:
        """From hip point to footplate at the rack, on a seat notch. Raises ValueError where the model does not say."""
        if self.online.reach_mm is None or self.online.notch_mm is None:
            raise ValueError(f"{self.online.model} does not say how far its footplate is")
        return self.online.reach_mm + notch * self.online.notch_mm

    def notch_for(self, reach_mm: float) -> int:
        """The seat notch at which hip and footplate are `reach_mm` apart at the rack, or the next one closer."""
        return min(max(int((reach_mm - self.reach_mm(0)) // (self.reach_mm(1) - self.reach_mm(0))), 0), self.notches)


INCLINE: Final = Press(
    events.Online(
        boot=_NO_BOOT,
        kind="incline",
        rail_deg=45.0,
        backrest_deg=30.0,
        travel_mm=620.0,
        rate_hz=RATE_HZ,
        reach_mm=780.0,
        notch_mm=20.0,
        model="LP-45",
        firmware="1.4.2",
    ),
    empty_kg=47.0,
    step_kg=5.0,
    most_kg=447.0,
    notches=14,
)
SEATED: Final = Press(
    events.Online(
        boot=_NO_BOOT,
        kind="seated",
        rail_deg=0.0,
        backrest_deg=60.0,
        travel_mm=560.0,
        rate_hz=RATE_HZ,
        resistance="stack",
        ratio=1.0,
        moves="seat",
        reach_mm=780.0,
        notch_mm=20.0,
        model="SP-200",
        firmware="2.0.1",
    ),
    empty_kg=10.0,
    step_kg=5.0,
    most_kg=260.0,
    notches=14,
)
SUPINE: Final = Press(
    events.Online(
        boot=_NO_BOOT,
        kind="supine",
        rail_deg=0.0,
        backrest_deg=15.0,
        travel_mm=600.0,
        rate_hz=RATE_HZ,
        resistance="stack",
        ratio=1.0,
        moves="seat",
        reach_mm=780.0,
        notch_mm=20.0,
        model="XP-180",
        firmware="2.0.1",
    ),
    empty_kg=10.0,
    step_kg=5.0,
    most_kg=260.0,
    notches=14,
)
