"""The machines of a simulated gym: what they say of themselves, and what can be loaded on them."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from sledwatch import events
from sledwatch.machine import MachineSpec, coasting_m_s2, force_n

RATE_HZ: Final = 50.0
# From a string pot on a clock of its own to an encoder in a laboratory. A frame holds a second, which the contract
# admits up to 1 000 samples.
SLOWEST_HZ: Final = 10.0
FASTEST_HZ: Final = 1_000.0
# Slower than this, a sled stands: friction holds it, and takes no side.
_STANDS_M_S: Final = 0.005
# Each boot names its own; a template holds this.
_NO_BOOT: Final = "template"


@dataclass(frozen=True, slots=True)
class Press:
    """A model of leg press.

    online: its birth certificate but for boot and what it holds. empty_kg: what moves with nothing loaded. step_kg:
    the smallest change of load (a pair of plates, or one plate of the stack). most_kg: all that fits. friction_n: what
    its rails and bearings take. seat_kg: what moves with the user where the seat moves.
    """

    online: events.Online
    empty_kg: float
    step_kg: float
    most_kg: float
    notches: int
    friction_n: float = 0.0
    seat_kg: float = 0.0

    @property
    def rate_hz(self) -> float:
        """Samples a second, as it says of itself."""
        return self.online.rate_hz

    @property
    def dt_us(self) -> int:
        """The time between samples."""
        return round(1e6 / self.rate_hz)

    @property
    def frame_samples(self) -> int:
        """As many as make a second."""
        return round(self.rate_hz)

    def at_rate(self, rate_hz: float) -> "Press":
        """The same model with another encoder. Raises ValueError out of 10 to 1 000 Hz."""
        if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
            raise ValueError(f"rate_hz {rate_hz:g}: expected {SLOWEST_HZ:g} to {FASTEST_HZ:g}")
        return replace(self, online=msgspec.structs.replace(self.online, rate_hz=rate_hz))

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

    def pushed_n(
        self,
        setup: events.Setup,
        load_kg: float,
        depth_mm: NDArray[np.float64],
        rate_hz: float,
        user_kg: float = 0.0,
    ) -> NDArray[np.float64]:
        """The force of the feet along the rail at each sample of a true travel, in newtons; never a pull.

        user_kg: rides along where the seat moves. The sled's weight and inertia, and friction, which helps whoever
        lowers and hinders whoever pushes.
        """
        # Depth grows towards the user; the force acts the other way.
        away_m_s = -np.gradient(depth_mm / 1000.0, 1.0 / rate_hz)
        way = np.where(np.abs(away_m_s) < _STANDS_M_S, 0.0, np.sign(away_m_s))
        spec = MachineSpec.of(self.online, setup)
        away_m_s2 = np.gradient(away_m_s, 1.0 / rate_hz)
        force: NDArray[np.float64] = force_n(spec, load_kg, away_m_s2, riding_kg=self.seat_kg + user_kg)
        return (force + self.friction_n * way).clip(0.0)

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
    friction_n=25.0,
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
    friction_n=40.0,
    seat_kg=28.0,
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
    friction_n=40.0,
    seat_kg=28.0,
)
FLAT_INCLINE: Final = Press(
    events.Online(
        boot=_NO_BOOT,
        kind="incline",
        rail_deg=35.0,
        backrest_deg=20.0,
        travel_mm=580.0,
        rate_hz=RATE_HZ,
        reach_mm=780.0,
        notch_mm=20.0,
        model="LP-35",
        firmware="1.4.2",
    ),
    empty_kg=55.0,
    step_kg=2.5,
    most_kg=505.0,
    notches=14,
    friction_n=60.0,
)
# Upright, the seat fixed: the plate moves, and the stack half as far.
UPRIGHT: Final = Press(
    events.Online(
        boot=_NO_BOOT,
        kind="seated",
        rail_deg=0.0,
        backrest_deg=75.0,
        travel_mm=560.0,
        rate_hz=RATE_HZ,
        resistance="stack",
        ratio=0.5,
        moves="plate",
        reach_mm=780.0,
        notch_mm=20.0,
        model="SP-90",
        firmware="3.1.0",
    ),
    empty_kg=20.0,
    step_kg=10.0,
    most_kg=420.0,
    notches=14,
    friction_n=55.0,
)
# On the back, on rails that rise a little; the user rides along with the plates.
SLED_SUPINE: Final = Press(
    events.Online(
        boot=_NO_BOOT,
        kind="supine",
        rail_deg=25.0,
        backrest_deg=5.0,
        travel_mm=600.0,
        rate_hz=RATE_HZ,
        moves="seat",
        reach_mm=780.0,
        notch_mm=20.0,
        model="XP-25",
        firmware="1.0.7",
    ),
    empty_kg=65.0,
    step_kg=5.0,
    most_kg=465.0,
    notches=14,
    friction_n=45.0,
)
MODELS: Final = {
    press.online.model or "": press for press in (INCLINE, SEATED, SUPINE, FLAT_INCLINE, UPRIGHT, SLED_SUPINE)
}
