"""Frames to samples, and found reps to the contract's: what live and closing share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sledwatch.events import Frame, Online, Rep, Setup
from sledwatch.limits import DepthLimit, Sex
from sledwatch.machine import Basis, LegFit, MachineSpec, angle_basis, joint_angles
from sledwatch.reps import FootForces, RepMeasures, Span, foot_forces, friction_n, measure


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns of equal length, ascending in time. depth_mm: NaN where the sensor gave nothing.

    feet_n: footplate forces, two rows, the left one first; NaN where there are none. None: the machine measures none.
    """

    t_us: NDArray[np.int64]
    depth_mm: NDArray[np.float64]
    load_kg: NDArray[np.float64]
    feet_n: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.t_us)


def samples_of(frame: Frame) -> Samples:
    """The samples of one frame."""
    n = len(frame.depth_mm)
    t_us = frame.t_us + frame.dt_us * np.arange(n, dtype=np.int64)
    depth_mm = np.array(frame.depth_mm, dtype=np.float64)
    load = frame.load_kg
    load_kg = np.array(load, dtype=np.float64) if isinstance(load, list) else np.full(n, load, dtype=np.float64)
    feet_n = None
    if frame.left_n is not None and frame.right_n is not None:
        feet_n = np.array([frame.left_n, frame.right_n], dtype=np.float64)
    return Samples(t_us, depth_mm, load_kg, feet_n)


def joined(parts: Iterable[Samples]) -> Samples:
    """All samples of several runs, in the order given."""
    runs = list(parts)
    if not runs:
        return Samples(np.empty(0, np.int64), np.empty(0), np.empty(0))
    feet_n = None
    if any(run.feet_n is not None for run in runs):
        sides = [np.full((2, len(run)), np.nan) if run.feet_n is None else run.feet_n for run in runs]
        feet_n = np.concatenate(sides, axis=1)
    return Samples(
        np.concatenate([run.t_us for run in runs]),
        np.concatenate([run.depth_mm for run in runs]),
        np.concatenate([run.load_kg for run in runs]),
        feet_n,
    )


def ascending(samples: Samples) -> Samples:
    """Without the samples that are no newer than one before them, which is how the rep kernel hears them live."""
    if not len(samples):
        return samples
    newest_us = np.maximum.accumulate(samples.t_us)
    kept = np.concatenate([[True], samples.t_us[1:] > newest_us[:-1]])
    feet_n = None if samples.feet_n is None else samples.feet_n[:, kept]
    return Samples(samples.t_us[kept], samples.depth_mm[kept], samples.load_kg[kept], feet_n)


def friction_of(samples: Samples, reps: Sequence[Rep]) -> float | None:
    """The machine's friction by a session's reps, N; None where it measures no forces, or too few reps tell."""
    if samples.feet_n is None:
        return None
    phases = ((rep.t_start_us, rep.eccentric_s, rep.concentric_s, rep.t_end_us) for rep in reps)
    return friction_n(reps, foot_forces(samples.t_us, samples.feet_n, phases))


def end_us(frame: Frame) -> int:
    """When the last sample of a frame is over."""
    return frame.t_us + frame.dt_us * len(frame.depth_mm)


@dataclass(frozen=True, slots=True)
class Pressing:
    """Who presses where, and how the machine was set meanwhile.

    setups: (from when on, setup) by time; a rep belongs to the last one before its start. height_mm, sex: the member's.
    limit_of: the depth limit that holds for a setup.
    """

    session: str
    user: str
    gym: str
    machine: str
    online: Online
    height_mm: float | None
    setups: Sequence[tuple[int, Setup]]
    limit_of: Callable[[Setup | None], DepthLimit | None]
    sex: Sex | None = None

    def setup_at(self, time_us: int) -> Setup | None:
        """The setup in force at a time: that of the start holds for what is earlier still."""
        in_force = [setup for from_us, setup in self.setups if from_us <= time_us]
        return in_force[-1] if in_force else self.first_setup

    @property
    def first_setup(self) -> Setup | None:
        """The setup that the session started with."""
        return self.setups[0][1] if self.setups else None

    def fit_of(self, setup: Setup | None) -> LegFit | None:
        """The member's leg on the machine as it is set; None where nothing is known of that."""
        return LegFit.of(MachineSpec.of(self.online, setup), setup, self.height_mm)

    def basis_of(self, setup: Setup | None) -> Basis:
        """What the angles at a setup rest on."""
        return angle_basis(MachineSpec.of(self.online, setup), setup)

    def reps(self, samples: Samples, spans: Sequence[Span], *, causal: bool = False) -> list[Rep]:
        """Measure found reps: velocities, work, angles, and how far past the limit they went."""
        spec = MachineSpec.of(self.online, self.first_setup)
        measured = measure(samples.t_us, samples.depth_mm, samples.load_kg, spans, spec, causal=causal)
        feet: Sequence[FootForces | None] = [None] * len(spans)
        if samples.feet_n is not None:
            phases = ((one.start_us, one.eccentric_s, one.concentric_s, one.end_us) for one in measured)
            feet = foot_forces(samples.t_us, samples.feet_n, phases)
        return [self._against_limit(self._rep(*of_rep)) for of_rep in zip(spans, measured, feet, strict=True)]

    def of_member(self, rep: Rep) -> Rep:
        """A rep, also one that was measured as somebody else's: by this member's limit and legs, in this session."""
        if (rep.session, rep.user) == (self.session, self.user):
            return rep
        return self._against_limit(replace(rep, session=self.session, user=self.user))

    def _against_limit(self, rep: Rep) -> Rep:
        setup = self.setup_at(rep.t_start_us)
        limit = self.limit_of(setup)
        sought = limit is None or limit.sought_by(self.session, rep.rep)
        over_mm = 0.0 if limit is None or sought else rep.depth_mm - limit.limit_mm
        angles = joint_angles(MachineSpec.of(self.online, setup), setup, self.height_mm, rep.depth_mm)
        return replace(
            rep,
            knee_deg=None if angles is None else angles.knee_deg,
            hip_deg=None if angles is None else angles.hip_deg,
            limit_mm=None if limit is None else limit.limit_mm,
            over_mm=over_mm if over_mm > 0 else None,
            limit_tier=None if limit is None else limit.tier,
        )

    def _rep(self, span: Span, figures: RepMeasures, feet: FootForces | None) -> Rep:
        return Rep(
            session=self.session,
            user=self.user,
            gym=self.gym,
            machine=self.machine,
            set=span.set,
            rep=span.rep,
            t_start_us=figures.start_us,
            t_turn_us=span.turn_us,
            t_end_us=figures.end_us,
            load_kg=span.load_kg,
            depth_mm=span.bottom_mm,
            rom_mm=figures.rom_mm,
            eccentric_s=figures.eccentric_s,
            concentric_s=figures.concentric_s,
            bottom_dwell_s=figures.bottom_dwell_s,
            mean_velocity_m_s=figures.mean_velocity_m_s,
            mean_propulsive_velocity_m_s=figures.mean_propulsive_velocity_m_s,
            peak_velocity_m_s=figures.peak_velocity_m_s,
            work_j=figures.work_j,
            velocity_loss_pct=figures.velocity_loss_pct,
            quality=span.quality,
            quality_reason=span.quality_reason,
            propulsive_s=figures.propulsive_s,
            eccentric_peak_velocity_m_s=figures.eccentric_peak_velocity_m_s,
            turn_deceleration_m_s2=figures.turn_deceleration_m_s2,
            lockout_velocity_m_s=figures.lockout_velocity_m_s,
            left_n=None if feet is None else feet.left_n,
            right_n=None if feet is None else feet.right_n,
            asymmetry_pct=None if feet is None else feet.asymmetry_pct,
        )
