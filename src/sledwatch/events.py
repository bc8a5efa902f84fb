"""The MQTT contract, version 1: topics, payload types, and decoding to an event or a named refusal.

Units are in the names; times are integer microseconds since the Unix epoch, UTC. Unknown fields are ignored, so that a
newer machine can talk to an older service. Everything another program may rely on is in this module, and
`docs/asyncapi.yaml` is generated from it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

ROOT: Final = "sledwatch/v1"
VERSION: Final = 1

# What a message may hold. A frame lasts 100 ms to 10 s at 10 to 1 000 Hz, so 1 000 samples are plenty; 64 KiB leave
# room for a load and two forces beside each of them.
MAX_PAYLOAD_BYTES: Final = 64 * 1024
MAX_SAMPLES: Final = 1_000
MAX_LOAD_KG: Final = 1_500.0
MIN_DEPTH_MM: Final = -50.0
MAX_DEPTH_MM: Final = 2_000.0
MIN_USABLE_SHARE: Final = 0.5
MAX_AHEAD_US: Final = 5 * 60 * 1_000_000
MAX_BEHIND_US: Final = 30 * 24 * 3600 * 1_000_000
# A cue later than this would speak of a movement that is over.
CUE_EXPIRES_S: Final = 5

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_TOKEN: Final = 64
# Two names of 64 characters, the root and the longest kind make less.
_LONGEST_TOPIC: Final = 200

Count = Annotated[int, Meta(ge=0, le=2**53)]
TimeUs = Annotated[int, Meta(ge=-(2**62), le=2**62, description="microseconds since the Unix epoch, UTC")]
Degrees = Annotated[float, Meta(ge=-90, le=90)]
Positive = Annotated[float, Meta(gt=0)]
Kind = Literal["incline", "seated", "supine"]
Tier = Literal["calibrated", "transferred", "estimated", "own-history"]
Severity = Literal["note", "warn", "alert"]
AlertState = Literal["open", "acknowledged", "silenced", "resolved"]


class Held(Struct, frozen=True, rename={"from_seq": "from", "to_seq": "to"}):
    """A range of numbers (both ends included) of an earlier boot that a machine still keeps, not being stored yet."""

    boot: str
    from_seq: Count
    to_seq: Count


class Online(Struct, frozen=True, tag_field="status", tag="online"):
    """A machine's birth certificate, published retained at each connection."""

    boot: str
    kind: Kind
    rail_deg: Degrees
    backrest_deg: Degrees
    travel_mm: Annotated[float, Meta(gt=0, le=MAX_DEPTH_MM)]
    rate_hz: Positive
    resistance: Literal["plates", "stack"] = "plates"
    ratio: Annotated[float, Meta(ge=0.01, le=100, description="stack travel / sled travel")] = 1.0
    moves: Literal["plate", "seat"] = "plate"
    reach_mm: Annotated[float, Meta(gt=0, le=10_000, description="hip to footplate at depth and notch 0")] | None = None
    notch_mm: Annotated[float, Meta(ge=-1_000, le=1_000, description="what one notch adds to the reach")] | None = None
    model: str | None = None
    firmware: str | None = None
    oldest_seq: Annotated[int, Meta(ge=0, le=2**53, description="the oldest number it still holds of this boot")] = 0
    held: tuple[Held, ...] = ()
    t_us: Annotated[TimeUs, Meta(description="when it said so, by its clock")] | None = None
    v: int = VERSION


class Offline(Struct, frozen=True, tag_field="status", tag="offline"):
    """A machine's last will, and what it says when it is switched off."""

    boot: str
    v: int = VERSION


class Setup(Struct, frozen=True):
    """How the seat and the feet are set for a session."""

    backrest_deg: Degrees
    notch: Annotated[int, Meta(ge=0, le=100)]
    foot_row: Annotated[int, Meta(ge=0, le=100)]
    foot_offset_mm: Annotated[float, Meta(ge=-1_000, le=1_000)] = 0.0


class SessionStart(Struct, frozen=True, tag_field="event", tag="start"):
    """Somebody badged in."""

    boot: str
    seq: Count
    session: str
    user: str
    t_us: TimeUs
    setup: Setup
    v: int = VERSION


class SessionSetup(Struct, frozen=True, tag_field="event", tag="setup"):
    """The seat or the foot row was changed within a session."""

    boot: str
    seq: Count
    session: str
    t_us: TimeUs
    setup: Setup
    v: int = VERSION


class SessionEnd(Struct, frozen=True, tag_field="event", tag="end"):
    """A session is over."""

    boot: str
    seq: Count
    session: str
    t_us: TimeUs
    reason: Literal["badge_out", "timeout", "reboot"]
    v: int = VERSION


class Frame(Struct, frozen=True, gc=False):
    """A run of samples, in columns: sample i was taken at `t_us + i * dt_us`.

    depth_mm: sled travel from the rack towards the user, None where the sensor gave nothing.
    load_kg: the moved mass, one number for the frame or one a sample.
    """

    boot: str
    seq: Count
    t_us: TimeUs
    dt_us: Annotated[int, Meta(gt=0, le=10_000_000)]
    depth_mm: list[float | None]
    load_kg: float | list[float]
    session: str | None = None
    left_n: list[float | None] | None = None
    right_n: list[float | None] | None = None
    v: int = VERSION


class StoredBoot(Struct, frozen=True):
    """Up to `seq` all is durable or settled but for the ranges in `missing` (both ends included); -1 for nothing."""

    boot: str
    seq: Annotated[int, Meta(ge=-1)]
    missing: tuple[tuple[int, int], ...] = ()


class Stored(Struct, frozen=True):
    """The watermark: what a machine need not keep any longer."""

    boots: tuple[StoredBoot, ...]
    v: int = VERSION


class Limit(Struct, frozen=True):
    """How deep the member may go on the machine; `limit_mm` None means that nothing says so.

    The depth limit, calibrated or transferred; or, with no `tier`, where a clinician's protocol ends before it. An
    estimate is never sent.
    """

    session: str
    limit_mm: float | None
    caution_mm: float | None
    tier: Tier | None
    v: int = VERSION


class Cue(Struct, frozen=True):
    """Something to show the member at the machine, now."""

    session: str
    kind: Literal["caution", "excessive", "fatigue"]
    t_us: TimeUs
    depth_mm: float
    v: int = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Rep:
    """One repetition: an eccentric phase (sled towards the user), then a concentric one.

    t_turn_us: the moment of the deepest sample, the bottom; with a dwell there it lies anywhere within the dwell.
    t_start_us, t_end_us: the first and last moment faster than 0.02 m/s. depth_mm: at the bottom. rom_mm: the
    concentric travel. None where a figure is undefined, for example velocities below 30 Hz. propulsive_s: how long of
    the concentric phase was pushed. turn_deceleration_m_s2: the hardest braking of the way down. lockout_velocity_m_s:
    the fastest within 20 mm of the set's smallest depth. left_n, right_n: mean force of each foot on the way up, where
    the footplate measures them; asymmetry_pct: 100 (max − min) / max of them. `quality_reason` says why a rep is
    unsure.
    """

    session: str
    user: str
    gym: str
    machine: str
    set: int
    rep: int
    t_start_us: int
    t_turn_us: int
    t_end_us: int
    load_kg: float
    depth_mm: float
    rom_mm: float
    eccentric_s: float
    concentric_s: float
    bottom_dwell_s: float | None = None
    mean_velocity_m_s: float | None = None
    mean_propulsive_velocity_m_s: float | None = None
    peak_velocity_m_s: float | None = None
    work_j: float | None = None
    velocity_loss_pct: float | None = None
    knee_deg: float | None = None
    hip_deg: float | None = None
    limit_mm: float | None = None
    over_mm: float | None = None
    limit_tier: Tier | None = None
    quality: Literal["ok", "unsure"] = "ok"
    quality_reason: str | None = None
    propulsive_s: float | None = None
    eccentric_peak_velocity_m_s: float | None = None
    turn_deceleration_m_s2: float | None = None
    lockout_velocity_m_s: float | None = None
    left_n: float | None = None
    right_n: float | None = None
    asymmetry_pct: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a trainer should act on. One alert for one matter: it repeats by counting.

    evidence: the arithmetic, named figures with units in their names.
    """

    id: str
    gym: str
    user: str | None
    machine: str | None
    session: str | None
    rule: str
    severity: Severity
    state: AlertState
    count: int
    first_at: datetime
    last_at: datetime
    title: str
    message: str
    advice: str
    evidence: dict[str, Any]
    limit_tier: Tier | None = None


State = Online | Offline
Session = SessionStart | SessionSetup | SessionEnd
Payload = State | Session | Frame


class TopicKind(StrEnum):
    """The last level of a topic; all but ALERT stand below a machine."""

    STATE = "state"
    SESSION = "session"
    FRAME = "frame"
    STORED = "stored"
    LIMIT = "limit"
    CUE = "cue"
    REP = "rep"
    ALERT = "alert"


class Topic(NamedTuple):
    """A parsed topic; `machine` is None for a gym's alerts."""

    gym: str
    machine: str | None
    kind: TopicKind


class Reason(StrEnum):
    """Why a message was refused."""

    BAD_TOPIC = "bad-topic"
    BAD_JSON = "bad-json"
    WRONG_TYPE = "wrong-type"
    WRONG_VERSION = "wrong-version"
    BAD_NAME = "bad-name"
    TOO_LARGE = "too-large"
    TOO_MANY_SAMPLES = "too-many-samples"
    UNEQUAL_LENGTHS = "unequal-lengths"
    LOAD_OUT_OF_RANGE = "load-out-of-range"
    TOO_FEW_USABLE = "too-few-usable"
    TIME_AHEAD = "time-ahead"
    TIME_BEHIND = "time-behind"
    STORE_REFUSED = "store-refused"  # it kept the contract, but the series store will never take it


class Event(Struct, frozen=True, gc=False):
    """A message that keeps the contract. `out_of_range` counts the depths that were taken as missing."""

    gym: str
    machine: str
    payload: Payload
    out_of_range: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that does not, and why. A boot and seq that could be read are settled by the refusal.

    detail: for the person who has to mend the machine: what was wrong, where, and what is expected.
    """

    reason: Reason
    detail: str
    gym: str | None = None
    machine: str | None = None
    boot: str | None = None
    seq: int | None = None


class _Peek(Struct):
    """As much of a broken message as its answer needs."""

    v: Any = None
    boot: Any = None
    seq: Any = None


_state = msgspec.json.Decoder(State)
_session = msgspec.json.Decoder(Session)
_frame = msgspec.json.Decoder(Frame)
_peek = msgspec.json.Decoder(_Peek)
_DECODERS: Final[dict[TopicKind, msgspec.json.Decoder[Any]]] = {
    TopicKind.STATE: _state,
    TopicKind.SESSION: _session,
    TopicKind.FRAME: _frame,
}
_encoder = msgspec.json.Encoder()


def is_name(text: str) -> bool:
    """Whether this may name a gym, a machine or a user."""
    return _NAME.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Whether this may be a session id or a boot."""
    # By its length first, for what is remembered is not to be as long as a stranger likes.
    return len(text) <= _LONGEST_TOKEN and _is_token(text)


@lru_cache(maxsize=65_536)
def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def topic(gym: str, machine: str | None, kind: TopicKind) -> str:
    """Build a topic. Raises ValueError for a name outside the contract, or a machine where there can be none."""
    if (machine is None) != (kind is TopicKind.ALERT):
        raise ValueError(f"topic kind {kind.value!r} {'needs' if machine is None else 'takes no'} machine")
    for name in (gym, machine):
        if name is not None and not is_name(name):
            raise ValueError(f"{name!r} is no valid name: expected {_NAME.pattern}")
    return "/".join(part for part in (ROOT, gym, machine, kind.value) if part is not None)


def parse_topic(text: str) -> Topic | None:
    """Take a topic apart; None where it is not one of the contract."""
    return _parse_topic(text) if len(text) <= _LONGEST_TOPIC else None


@lru_cache(maxsize=65_536)
def _parse_topic(text: str) -> Topic | None:
    if not text.startswith(ROOT + "/"):
        return None
    match text[len(ROOT) + 1 :].split("/"):
        case [gym, "alert"] if is_name(gym):
            return Topic(gym, None, TopicKind.ALERT)
        case [gym, machine, kind] if is_name(gym) and is_name(machine) and kind in set(TopicKind) - {"alert"}:
            return Topic(gym, machine, TopicKind(kind))
    return None


def encode(message: Struct | Rep | Alert) -> bytes:
    """The wire form of any payload of the contract: JSON, UTF-8, with `v`."""
    body = _encoder.encode(message)
    return body if isinstance(message, Struct) else b'{"v":1,' + body[1:]


def decode(topic_text: str, payload: bytes, now_us: int) -> Event | Refusal:
    """Validate what a machine published.

    now_us: the receiver's clock, against which times far ahead or behind are refused.
    """
    parsed = parse_topic(topic_text)
    if parsed is None or parsed.machine is None or parsed.kind not in _DECODERS:
        expected = f"{ROOT}/GYM/MACHINE/state|session|frame, names matching {_NAME.pattern}"
        return Refusal(Reason.BAD_TOPIC, f"topic {topic_text!r}: expected {expected}")
    if len(payload) > MAX_PAYLOAD_BYTES:
        detail = f"{len(payload)} bytes: at most {MAX_PAYLOAD_BYTES} are taken"
        return _refuse(parsed, payload, Reason.TOO_LARGE, detail)
    try:
        message = _DECODERS[parsed.kind].decode(payload)
    except msgspec.ValidationError as error:
        return _refuse(parsed, payload, Reason.WRONG_TYPE, str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refuse(parsed, payload, Reason.BAD_JSON, str(error))
    # The types give v a default, for those who build messages; on the wire it is required.
    if message.v != VERSION or b'"v"' not in payload:
        found = message.v if b'"v"' in payload else "missing"
        return _refuse(parsed, payload, Reason.WRONG_VERSION, f"v is {found}: expected {VERSION}")
    problem = _bad_name(message)
    if problem is not None:
        return _refuse(parsed, payload, Reason.BAD_NAME, problem)
    if parsed.kind is TopicKind.STATE:
        return Event(parsed.gym, parsed.machine, message)
    wrong_time = _wrong_time(message.t_us, now_us)
    if wrong_time is not None:
        return _refuse(parsed, payload, *wrong_time)
    if isinstance(message, Frame):
        return _checked_frame(parsed, payload, message)
    return Event(parsed.gym, parsed.machine, message)


def _checked_frame(parsed: Topic, payload: bytes, frame: Frame) -> Event | Refusal:
    depth = frame.depth_mm
    n = len(depth)
    if not 1 <= n <= MAX_SAMPLES:
        return _refuse(parsed, payload, Reason.TOO_MANY_SAMPLES, f"{n} samples: expected 1 to {MAX_SAMPLES}")
    load = frame.load_kg
    if isinstance(load, list) or frame.left_n is not None or frame.right_n is not None:
        for name, column in (("load_kg", load), ("left_n", frame.left_n), ("right_n", frame.right_n)):
            if isinstance(column, list) and len(column) != n:
                detail = f"{name} holds {len(column)} values, depth_mm {n}: expected as many"
                return _refuse(parsed, payload, Reason.UNEQUAL_LENGTHS, detail)
    least, most = (min(load), max(load)) if isinstance(load, list) else (load, load)
    if not (least >= 0.0 and most <= MAX_LOAD_KG):
        detail = f"load_kg from {least:g} to {most:g}: expected 0 to {MAX_LOAD_KG:g}"
        return _refuse(parsed, payload, Reason.LOAD_OUT_OF_RANGE, detail)
    usable, out_of_range = n, 0
    if not _is_whole(depth):
        kept = [d if d is not None and MIN_DEPTH_MM <= d <= MAX_DEPTH_MM else None for d in depth]
        usable = n - kept.count(None)
        out_of_range = n - depth.count(None) - usable
        if out_of_range:
            frame = msgspec.structs.replace(frame, depth_mm=kept)
    if usable < n * MIN_USABLE_SHARE:
        return _refuse(parsed, payload, Reason.TOO_FEW_USABLE, f"{usable} of {n} samples usable: expected half or more")
    assert parsed.machine is not None  # noqa: S101 - decode has looked
    return Event(parsed.gym, parsed.machine, frame, out_of_range)


def _is_whole(depth: list[float | None]) -> bool:
    """Whether no sample is missing or out of range, which is the rule: a look at the extremes tells."""
    try:
        return min(depth) >= MIN_DEPTH_MM and max(depth) <= MAX_DEPTH_MM  # type: ignore[type-var, operator]
    except TypeError:
        return False


def _bad_name(message: Payload) -> str | None:
    if isinstance(message, Frame) and is_token(message.boot) and (message.session is None or is_token(message.session)):
        return None
    tokens = [("boot", message.boot)]
    if isinstance(message, Online):
        tokens += [("held.boot", held.boot) for held in message.held]
    elif not isinstance(message, Offline) and message.session is not None:
        tokens.append(("session", message.session))
    for field, token in tokens:
        if not is_token(token):
            return f"{field} {token[:80]!r}: expected {_TOKEN.pattern}"
    if isinstance(message, SessionStart) and not is_name(message.user):
        return f"user {message.user[:80]!r}: expected {_NAME.pattern}"
    return None


def _wrong_time(t_us: int, now_us: int) -> tuple[Reason, str] | None:
    if t_us > now_us + MAX_AHEAD_US:
        return Reason.TIME_AHEAD, f"t_us is {(t_us - now_us) / 1e6:.0f} s ahead: at most 300 s are taken"
    if t_us < now_us - MAX_BEHIND_US:
        return Reason.TIME_BEHIND, f"t_us is {(now_us - t_us) / 86_400e6:.1f} days behind: at most 30 are taken"
    return None


def _refuse(parsed: Topic, payload: bytes, reason: Reason, detail: str) -> Refusal:
    """Name the message as far as it can be read, so that its number is settled and the machine can let go of it."""
    boot: str | None = None
    seq: int | None = None
    if reason is not Reason.BAD_JSON:
        try:
            peek = _peek.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            peek = _Peek()
        if isinstance(peek.boot, str) and is_token(peek.boot):
            boot = peek.boot
        if isinstance(peek.seq, int) and not isinstance(peek.seq, bool) and 0 <= peek.seq <= 2**53:
            seq = peek.seq
        if reason is Reason.WRONG_TYPE and peek.v is not None and peek.v != VERSION:
            reason, detail = Reason.WRONG_VERSION, f"v is {str(peek.v)[:40]}: expected {VERSION}"
    return Refusal(reason, detail, parsed.gym, parsed.machine, boot, seq)
