"""What the faults injected into a machine's sensors entail, from the definitions alone (docs/science.md).

A finding is entailed in the session that shows it. What several sessions in a row must show is counted here over those
of the run: what was before is not known, and a machine is compared with its own first sessions of the run.
"""

from collections.abc import Callable
from statistics import median
from typing import Final

from sledwatch_sim.equipment.sensors import Account, Sensor
from sledwatch_sim.truth.expected import Expected

RULES: Final = (
    "machine.encoder-slip",
    "machine.encoder-drift",
    "machine.encoder-stuck",
    "machine.encoder-noise",
    "machine.encoder-dropout",
    "machine.load-offset",
)
# The definitions: half the caution margin; so many in a row; compared with so many of the first, three at least.
ZERO_OFF_MM: Final = 10.0
IN_A_ROW: Final = 3
REFERENCE: Final = 5
STOOD_S: Final = 2.0
NOISE_MM: Final = 2.0
NOISE_DOUBTFUL_MM: Final = 5.0
MISSING_SHARE: Final = 0.02
LOAD_OFF_KG: Final = 2.0
# A jump that no sled makes: past this, and past this acceleration between two samples.
JUMP_MM: Final = 15.0
JUMP_M_S2: Final = 20.0
# A rest this long at either end says where the sled rests.
REST_S: Final = 4.0
# What is measured is near a threshold within this share of it; a jump within a factor of two.
NEAR: Final = 0.25


class SensorTruth:
    """A machine's sensors over its sessions of a run.

    rate_hz: of its encoder. Sessions are given in order of time.
    """

    def __init__(self, sensor: Sensor, rate_hz: float) -> None:
        self._sensor = sensor
        self._least_mm = max(JUMP_MM, JUMP_M_S2 * 1000.0 / rate_hz**2, 10.0 * sensor.noise_mm, 3.0 * sensor.step_mm)
        self._past: list[Account] = []
        self._slipped = False

    def session(self, account: Account) -> list[Expected]:
        """What a session entails for its machine."""
        self._past.append(account)
        slip = self._slip(account)
        # What follows a slip is the same matter.
        drift = None if self._slipped else self._row("machine.encoder-drift", "warn", self._zero_off_mm, ZERO_OFF_MM)
        self._slipped = self._slipped or slip is not None
        noise_mm = max(self._sensor.noise_mm, self._sensor.step_mm / 12**0.5)
        loud = "warn" if noise_mm >= NOISE_DOUBTFUL_MM else "note"
        found = [
            slip,
            drift,
            self._stuck(account),
            self._row("machine.encoder-noise", loud, lambda _: noise_mm, max(NOISE_MM, self._sensor.step_mm)),
            self._row("machine.encoder-dropout", "note", lambda one: one.missing / max(1, one.samples), MISSING_SHARE),
            self._row("machine.load-offset", "note", self._load_off_kg, LOAD_OFF_KG),
        ]
        return [expected for expected in found if expected is not None]

    @property
    def doubtful(self) -> bool:
        """Whether depths may be off by enough for their alerts to be withheld."""
        off_mm = [max(abs(one.start_mm), abs(one.end_mm)) for one in self._past[-1:]]
        return self._slipped or any(mm > ZERO_OFF_MM * (1.0 - NEAR) for mm in off_mm)

    def _slip(self, account: Account) -> Expected | None:
        slips = [by_mm for at_s, by_mm in account.slips]
        total_mm = abs(sum(slips))
        if total_mm <= ZERO_OFF_MM * (1.0 - NEAR):
            return None
        inside = all(account.from_s + REST_S < at_s < account.to_s - REST_S for at_s, _ in account.slips)
        # Spans in which nothing is seen may hide a jump, and what is stuck has one of its own.
        clear = not (self._sensor.blind or account.stood) and self._sensor.dropout < MISSING_SHARE
        plain = min(abs(by_mm) for by_mm in slips) >= self._least_mm * (1.0 + NEAR) and len(slips) == 1
        return Expected("machine.encoder-slip", "warn", near=not (inside and clear and plain))

    def _stuck(self, account: Account) -> Expected | None:
        found = [(stood_s, abs(off_mm)) for stood_s, off_mm, _ in account.stood if abs(off_mm) >= 0.5 * self._least_mm]
        stood_s = sum(stood_s for stood_s, _ in found)
        if stood_s < STOOD_S * (1.0 - NEAR):
            return None
        sure_s = sum(stood_s for stood_s, off_mm in found if off_mm >= 2.0 * self._least_mm)
        clear = not self._sensor.blind and self._sensor.dropout < MISSING_SHARE and not account.slips
        return Expected("machine.encoder-stuck", "warn", near=not clear or sure_s < STOOD_S * (1.0 + NEAR))

    def _zero_off_mm(self, account: Account) -> float | None:
        """How far the zero is off at both ends of a session; None where it has nothing to be compared with yet."""
        before = self._past[: self._past.index(account)][:REFERENCE]
        if len(before) < IN_A_ROW:
            return None
        usual_mm = median(min(one.start_mm, one.end_mm, key=abs) for one in before)
        both = [min(abs(mm), abs(mm - usual_mm)) for mm in (account.start_mm, account.end_mm)]
        return min(both)

    def _load_off_kg(self, account: Account) -> float | None:
        before = self._past[: self._past.index(account)][:REFERENCE]
        return abs(account.start_kg - median(one.start_kg for one in before)) if len(before) >= IN_A_ROW else None

    def _row(
        self, rule: str, severity: str, measured: Callable[[Account], float | None], threshold: float
    ) -> Expected | None:
        """Whether the last sessions, three of them, all are past a threshold, or near it."""
        last = [value for one in self._past[-IN_A_ROW:] if (value := measured(one)) is not None]
        if len(last) < IN_A_ROW or min(last) < threshold * (1.0 - NEAR):
            # One that is near in between begins a row anew, or does not.
            return None
        # A load that plates may explain says nothing, and a zero may move while it is looked at.
        moving = rule == "machine.encoder-drift" and min(last) < 2.0 * threshold
        open_to_doubt = moving or rule == "machine.load-offset"
        return Expected(rule, severity, near=open_to_doubt or min(last) < threshold * (1.0 + NEAR))
