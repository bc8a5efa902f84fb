"""A stand-in for the HTTP API, for developing and testing the pages: believable data, held in memory, changed by calls.

It answers in the shapes of the real one. `Floor.tell` publishes on its event stream from any thread.
"""

import asyncio
import json
import math
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

Json = dict[str, Any]

# Tuesday 18 November 2025, 17:32 in Berlin.
NOW = datetime(2025, 11, 18, 16, 32, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1e6)
COOKIE = "sledwatch_session"
TOKEN = "a-cookie-of-the-fake"
LIMIT_MM = 412.0


@dataclass
class Floor:
    """What the fake knows, and who listens to it."""

    gyms: list[Json] = field(default_factory=list)
    machines: dict[str, list[Json]] = field(default_factory=dict)
    members: dict[str, Json] = field(default_factory=dict)
    sessions: dict[str, Json] = field(default_factory=dict)
    reps: dict[str, list[Json]] = field(default_factory=dict)
    traces: dict[str, Json] = field(default_factory=dict)
    findings: list[Json] = field(default_factory=list)
    alerts: list[Json] = field(default_factory=list)
    limits: dict[str, list[Json]] = field(default_factory=dict)
    changes: dict[str, list[Json]] = field(default_factory=dict)
    visits: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    protocols: dict[str, list[Json]] = field(default_factory=dict)
    wrong_protocol: dict[str, str] = field(default_factory=dict)
    in_force: dict[str, Json] = field(default_factory=dict)
    workloads: dict[str, Json] = field(default_factory=dict)
    accounts: dict[str, Json] = field(default_factory=dict)
    sensors: dict[str, Json] = field(default_factory=dict)
    events: dict[str, list[Json]] = field(default_factory=dict)
    refused: list[Json] = field(default_factory=list)
    corrections: dict[tuple[str, int], str | None] = field(default_factory=dict)
    notes: dict[str, list[Json]] = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[bytes | None]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, kind: str, data: Json) -> None:
        """Publish an event; a machine's replaces its item on the floor."""
        if kind == "machine":
            rows = self.machines[data["gym"]]
            rows[:] = [data if row["machine"] == data["machine"] else row for row in rows]
        if kind == "alert":
            self.alerts[:] = [data, *(alert for alert in self.alerts if alert["id"] != data["id"])]
        self._send(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    def hang_up(self) -> None:
        """End all streams, as a restart of the API does."""
        self._send(None)

    def _send(self, chunk: bytes | None) -> None:
        with self.lock:
            for loop, queue in self.listeners:
                loop.call_soon_threadsafe(queue.put_nowait, chunk)


def at(minutes_ago: float) -> str:
    """An API time, that many minutes before NOW."""
    return (NOW - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")


def machine(gym: str, name: str, **fields: Any) -> Json:
    """An item of `GET /gyms/{gym}/machines`: a free incline press, but for `fields`."""
    return {
        "gym": gym,
        "machine": name,
        "kind": "incline",
        "model": "LP-45",
        "status": "online",
        "state": "free",
        "last_seen_at": at(0.1),
        "user": None,
        "user_name": None,
        "session": None,
        "since_at": None,
        "load_kg": None,
        "depth_mm": 0.0,
        "deepest_mm": None,
        "limit_mm": None,
        "caution_mm": None,
        "limit_tier": None,
        "set": None,
        "reps": 0,
        "set_reps": 0,
        "travel_mm": 620.0,
        "over": False,
        "tired": False,
        "track_mm": [],
        "t_us": NOW_US,
        **fields,
    }


def pressing(gym: str, name: str, user: str, user_name: str | None, session: str, **fields: Any) -> Json:
    """A machine in use."""
    return machine(
        gym,
        name,
        **{
            "state": "in_use",
            "user": user,
            "user_name": user_name,
            "session": session,
            "since_at": at(9),
            "load_kg": 120.0,
            "depth_mm": 236.0,
            "deepest_mm": 371.0,
            "limit_mm": LIMIT_MM,
            "caution_mm": LIMIT_MM - 20,
            "limit_tier": "calibrated",
            "set": 2,
            "reps": 18,
            "set_reps": 8,
            "track_mm": [120.0, 165.0, 214.0, 262.0, 300.0, 330.0, 352.0, 364.0, 355.0, 322.0, 280.0, 236.0],
            **fields,
        },
    )


def account(**fields: Any) -> Json:
    """What has become of what a machine sent: all is well, but for `fields`."""
    return {
        "received": 48_211,
        "repeated": 12,
        "refused": 0,
        "stored": 48_199,
        "missing": 0,
        "lost": 0,
        "disordered": 7,
        "out_of_range": 0,
        "clock_offset_s": -0.02,
        **fields,
    }


def sensor_reading(days_ago: int, rack_mm: float | None, **fields: Any) -> Json:
    """What a session said of its machine's sensors: they see well, but for `fields`."""
    return {
        "session": f"S-r{days_ago}",
        "at": at(60 * 24 * days_ago),
        "rack_mm": rack_mm,
        "rack_start_mm": rack_mm,
        "rack_end_mm": rack_mm,
        "noise_mm": 0.31,
        "step_mm": 0.5,
        "missing_share": 0.0002,
        "stuck_s": 0.0,
        "slipped_mm": 0.0,
        "idle_kg": 47.0,
        **fields,
    }


def sensors(*racks_mm: float | None, **fields: Any) -> Json:
    """A machine's sensors, its sled at these levels day by day until today: all is well, but for `fields`."""
    return {
        "state": "well" if racks_mm else "unknown",
        "since_at": None,
        "reference_mm": 4.5 if racks_mm else None,
        "tolerance_mm": 10.0,
        "good_sessions_needed": 3,
        "troubles": [],
        "readings": [sensor_reading(len(racks_mm) - day, rack_mm) for day, rack_mm in enumerate(racks_mm)],
        **fields,
    }


DRIFTED = sensors(
    *[4.5, 5.0, 4.0, 4.5, None, 5.0, 4.5, 4.0, 5.5, 5.0, 4.5, 38.5, 39.0, 38.0, 39.5],
    state="doubtful",
    since_at=at(60 * 24 * 4),
    troubles=[
        {
            "rule": "machine.encoder-drift",
            "severity": "warn",
            "since_at": at(60 * 24 * 4),
            "sessions": 4,
            "title": "The depth sensor's zero has moved",
            "message": "The zero of the depth sensor of press-2 has moved: since 18 Nov the sled rests in the rack "
            "34 mm deeper than it used to (39 mm against 4 mm), in 4 sessions in a row.",
            "advice": "Set the encoder's zero with the sled in the rack, and look whether its belt or cable has come "
            "loose. Until then depth alerts of this machine are withheld.",
            "alert": None,
        }
    ],
)


def boot_account(boot: str, **fields: Any) -> Json:
    """The same for one power-up."""
    return {
        **account(),
        "boot": boot,
        "current": False,
        "top": 48_198,
        "missing_ranges": [],
        "oldest_seq": 48_100,
        "online_at": at(60 * 9),
        "updated_at": at(0.1),
        **fields,
    }


def refused(id_: int, **fields: Any) -> Json:
    """An item of `GET /quarantine`, whole: a load that cannot be, but for `fields`."""
    return {
        "id": id_,
        "received_at": at(40),
        "topic": "sledwatch/v1/north/press-2/frame",
        "reason": "load-out-of-range",
        "detail": "load_kg from 9999 to 9999: expected 0 to 1500",
        "gym": "north",
        "machine": "press-2",
        "boot": "k3x9q0m2v7a1d",
        "seq": 970 + id_,
        "count": 1,
        "bytes": 412,
        "state": "held",
        "tries": 0,
        "replayed_at": None,
        "payload": '{"v":1,"boot":"k3x9q0m2v7a1d","seq":970,"load_kg":9999,"depth_mm":[12.1,13.4,null,15.0]}',
        "payload_base64": None,
        "cut": False,
        **fields,
    }


def alert(id_: str, **fields: Any) -> Json:
    """An alert of the inbox: an open excessive depth, but for `fields`."""
    return {
        "id": id_,
        "gym": "north",
        "user": "m-1042",
        "user_name": "Anna Kowalska",
        "machine": "press-1",
        "session": "S-1",
        "rule": "depth.excessive",
        "severity": "alert",
        "state": "open",
        "count": 3,
        "first_at": at(12),
        "last_at": at(4),
        "title": "Beyond the calibrated range",
        "message": "Anna Kowalska went past the depth limit 3 times in set 2: deepest 431 mm against 412 mm at 120 kg, "
        "0.6 s at the bottom.",
        "advice": "Cut the set before the depth grows, and raise the stop to 412 mm: past the limit the hips have "
        "little range left, and the pelvis may roll off the pad under load.",
        "evidence": {
            "limit_mm": 412.0,
            "caution_mm": 392.0,
            "limit_version": 1,
            "deepest_mm": 431.2,
            "set": 2,
            "rep": 18,
            "load_kg": 120.0,
            "reference_load_kg": 168.5,
            "load_share": 0.712,
            "bottom_dwell_s": 0.6,
            "sets": [2],
            "reps": [
                {"set": 2, "rep": 16, "t_turn_us": NOW_US - 288_000_000, "depth_mm": 418.0, "load_kg": 120.0},
                {"set": 2, "rep": 17, "t_turn_us": NOW_US - 285_000_000, "depth_mm": 425.4, "load_kg": 120.0},
                {"set": 2, "rep": 18, "t_turn_us": NOW_US - 281_000_000, "depth_mm": 431.2, "load_kg": 120.0},
            ],
            "reps_judged": 17,
            "reps_unsure": 1,
            "over_mm": 19.2,
            "reps_over": 3,
            "sets_excessive": [2],
            "reps_over_unsure": 0,
            "reps_over_light_load": 0,
            "rule": "2 or more reps of a set past the limit, or one by more than 30 mm",
        },
        "limit_tier": "calibrated",
        "comments": [],
        **fields,
    }


def note(id_: int, **fields: Any) -> Json:
    """A note of back pain, just now, but for `fields`."""
    return {
        "id": id_,
        "user": "m-1042",
        "kind": "back-pain",
        "at": at(0),
        "session": None,
        "text": None,
        "noted_by": "admin",
        "noted_at": at(0),
        "taken_back_by": None,
        "taken_back_at": None,
        **fields,
    }


def rep(session: str, number: int, in_set: int, start_us: int, depth_mm: float, load_kg: float, **fields: Any) -> Json:
    """A rep of three seconds: down for 1.6, up for 1.2."""
    over = depth_mm - LIMIT_MM
    return {
        "session": session,
        "user": "m-1042",
        "gym": "north",
        "machine": "press-1",
        "set": in_set,
        "rep": number,
        "t_start_us": start_us,
        "t_turn_us": start_us + 1_600_000,
        "t_end_us": start_us + 2_800_000,
        "load_kg": load_kg,
        "depth_mm": depth_mm,
        "rom_mm": depth_mm - 22.0,
        "eccentric_s": 1.6,
        "concentric_s": 1.2,
        "bottom_dwell_s": 0.3,
        "mean_velocity_m_s": 0.34 - 0.008 * (number % 10),
        "mean_propulsive_velocity_m_s": 0.36,
        "peak_velocity_m_s": 0.61,
        "work_j": load_kg * 6.93 * (depth_mm - 22.0) / 1000,
        "velocity_loss_pct": 2.4 * (number % 10),
        "knee_deg": 102.0,
        "hip_deg": 117.0,
        "limit_mm": LIMIT_MM,
        "over_mm": over,
        "limit_tier": "calibrated",
        "quality": "ok",
        "quality_reason": None,
        "propulsive_s": 1.1,
        "eccentric_peak_velocity_m_s": 0.41,
        "turn_deceleration_m_s2": 1.9,
        "lockout_velocity_m_s": 0.14,
        "left_n": None,
        "right_n": None,
        "asymmetry_pct": None,
        "technique": [],
        **fields,
    }


def depth_at(reps: list[Json], t_us: int) -> float:
    """Where the sled is: smooth down and up within a rep, a little off the rack between reps."""
    for one in reps:
        if one["t_start_us"] <= t_us <= one["t_end_us"]:
            down = t_us <= one["t_turn_us"]
            begin, end = (one["t_start_us"], one["t_turn_us"]) if down else (one["t_turn_us"], one["t_end_us"])
            phase = (t_us - begin) / (end - begin)
            way = 0.5 - 0.5 * math.cos(math.pi * (phase if down else 1 - phase))
            return float(22.0 + (one["depth_mm"] - 22.0) * way)
    return 22.0


def trace_of(reps: list[Json], step_us: int = 100_000) -> Json:
    """The samples of a session with these reps."""
    begin, end = reps[0]["t_start_us"] - 6_000_000, reps[-1]["t_end_us"] + 6_000_000
    t_us = list(range(begin, end, step_us))
    depth: list[float | None] = [depth_at(reps, t) for t in t_us]
    depth[40:44] = [None] * 4
    return {"t_us": t_us, "depth_mm": depth, "load_kg": [reps[0]["load_kg"]] * len(t_us)}


def strength(**fields: Any) -> Json:
    """An estimate of the one-repetition maximum by a line of the member's own, but for `fields`."""
    return {"e1rm_kg": 186.4, "error_kg": 9.2, "method": "line", "guess": False, "loads": 5, **fields}


def set_figures(number: int, reps: list[Json]) -> Json:
    """How a set went."""
    of_set = [rep for rep in reps if rep["set"] == number]
    return {
        "set": number,
        "reps": len(of_set),
        "load_kg": of_set[0]["load_kg"],
        "pct_1rm": 100 * of_set[0]["load_kg"] / 186.4,
        "best_velocity_m_s": 0.34,
        "velocity_loss_pct": of_set[-1]["velocity_loss_pct"],
        "near_failure": False,
        "drift_mm_per_rep": 2.4 * number,
        "fatigue": number == 2,
    }


def bottom(depth_mm: float, load_kg: float | None = 47.0, **fields: Any) -> Json:
    """A bottom of a calibration visit, of a movement that goes on unless `fields` say which rep it was."""
    return {"depth_mm": depth_mm, "load_kg": load_kg, "set": None, "rep": None, **fields}


def begun_visit(*bottoms: Json, **fields: Any) -> Json:
    """What the fake keeps of a calibration visit: the sled came down near-empty, but for `fields`."""
    return {
        "begun_by": "admin",
        "begun_at": at(4),
        "ends_at": at(4 - 120),
        "bottoms": list(bottoms),
        "near_empty": True,
        "warnings": [],
        "empty_kg": 47.0,
        "reference_load_kg": 180.0,
        **fields,
    }


SAYS = {
    "badge": "Have the member badge in on this machine, and set seat and feet as they train.",
    "descent": "With the sled near-empty, let it down slowly until the sacrum starts to leave the pad.",
    "confirmation": "Confirm the point where the sacrum started to leave the pad, or let the sled down again.",
}
SETUP = {"backrest_deg": 30.0, "notch": 4, "foot_row": 2, "foot_offset_mm": 0.0}


def calibration(floor: Floor, user: str, gym: str, name: str) -> Json:
    """A calibration visit as the API shows it."""
    kept = floor.visits[user, gym, name]
    item = next(one for one in floor.machines[gym] if one["machine"] == name)
    here = item["state"] == "in_use" and item["user"] == user
    bottoms = kept["bottoms"] if here else []
    awaiting = "badge" if not here else "confirmation" if bottoms else "descent"
    same = ("begun_by", "begun_at", "ends_at", "empty_kg", "reference_load_kg")
    return {
        "user": user,
        "gym": gym,
        "machine": name,
        **{key: kept[key] for key in same},
        "awaiting": awaiting,
        "says": SAYS[awaiting],
        "session": item["session"] if here else None,
        "setup": SETUP if here else None,
        "depth_mm": item["depth_mm"] if here else None,
        "load_kg": item["load_kg"] if here else None,
        "latest": bottoms[-1] if bottoms else None,
        "deepest": max(bottoms, key=lambda one: float(one["depth_mm"])) if bottoms else None,
        "near_empty": kept["near_empty"] if here else None,
        "warnings": kept["warnings"] if here else [],
    }


def limit_in_force(floor: Floor, user: str, gym: str, name: str, **fields: Any) -> Json:
    """The limit that holds on a machine: one that was set there, or carried over from elsewhere, or none."""
    limits = floor.limits[user]
    own = next((one for one in reversed(limits) if (one["gym"], one["machine"]) == (gym, name)), None)
    carried = None if own or not limits else limits[0]
    limit_mm = own["limit_mm"] if own else carried["limit_mm"] + 25.0 if carried else None
    return {
        "gym": gym,
        "machine": name,
        "setup": SETUP,
        "limit_mm": limit_mm,
        "caution_mm": None if limit_mm is None else limit_mm - 20,
        "tier": "calibrated" if own else "transferred" if carried else None,
        "version": None if limit_mm is None else 1,
        "error_mm": 112.0 if carried else None,
        "transferred_from": {
            **{key: carried[key] for key in ("gym", "machine", "notch", "foot_row")},
            "by": "geometry",
            "basis": "reach",
        }
        if carried
        else None,
        "refused": [],
        "knee_deg": None if limit_mm is None else 104.2,
        "hip_deg": None if limit_mm is None else 127.0,
        "angle_error_deg": 10.0,
        "angle_basis": None if limit_mm is None else "reach",
        "told_mm": limit_mm,
        "told_by": None if limit_mm is None else "limit",
        **fields,
    }  # fmt: skip


def limit_change(limit: Json, **fields: Any) -> Json:
    """The setting of a limit, in the history."""
    same = ("gym", "machine", "notch", "foot_row", "limit_mm", "how", "from_rep", "setup", "session", "note", "version")
    return {
        "change": "set",
        **{key: limit[key] for key in same},
        "changed_by": limit["set_by"],
        "changed_at": limit["set_at"],
        **fields,
    }


def protocol(**fields: Any) -> Json:
    """A clinician's protocol that stands: a window of the knee, one of depth, a load cap; but for `fields`."""
    return {
        "user": "m-1042",
        "version": 1,
        "windows": [
            {"quantity": "knee_deg", "min": 20.0, "max": 80.0, "gym": None, "machine": None},
            {"quantity": "depth_mm", "min": None, "max": 380.0, "gym": "north", "machine": "press-1"},
        ],
        "load_cap_kg": 90.0,
        "expires_at": "2026-01-14T23:00:00Z",
        "expired": False,
        "clinician": "Dr. Ruiz",
        "note": "ACL, week 6",
        "set_by": "admin",
        "set_at": at(60 * 24 * 6),
        "not_judged": [],
        "ended_by": None,
        "ended_at": None,
        **fields,
    }


def _finding(alert_: Json, **fields: Any) -> Json:
    kept = (
        "session",
        "gym",
        "machine",
        "user",
        "rule",
        "severity",
        "count",
        "title",
        "message",
        "advice",
        "evidence",
        "limit_tier",
    )
    return {
        "id": "f-" + alert_["id"],
        "at": alert_["last_at"],
        "set": 2,
        **{name: alert_[name] for name in kept},
        **fields,
    }


def _workload(user: str) -> Json:
    """Eight weeks of Tuesdays, Thursdays and Saturdays, the last of them far more than the others; one day unknown."""
    today = NOW.date()
    days: list[Json] = []
    sessions: list[Json] = []
    for back in range(56, -1, -1):
        when = today - timedelta(days=back)
        trained = when.weekday() in {1, 3, 5} and back not in {24, 26}
        work = 7_400.0 + 260.0 * ((back * 7) % 9) + (56 - back) * 22 if trained else 0.0
        work = 15_300.0 if back == 0 else work
        missing = back == 19
        days.append(
            {
                "day": when.isoformat(),
                "work_j": None if missing else work,
                "tonnage_kg": work * 0.41,
                "top_load_kg": 140.0,
                "sessions": int(trained),
                "hard_sets": 4 * int(trained),
                "missing": missing,
                "ewma_ratio": 1.21,
                "coupled_ratio": 1.18,
                "uncoupled_ratio": 1.24,
                "monotony": 0.7,
                "strain": 19_000.0,
            }
        )
        if trained:
            before = [s["work_j"] for s in sessions if date.fromisoformat(s["day"]) >= when - timedelta(days=30)]
            best = max(before) if len(sessions) > 3 else None
            spike = None if best is None else work / best
            severity = (
                None if spike is None or spike <= 1.1 else "note" if spike <= 1.3 else "warn" if spike <= 2 else "alert"
            )
            sessions.append(
                {
                    "session": "S-1" if back == 0 else f"H-{back}",
                    "start_at": f"{when.isoformat()}T16:05:00Z",
                    "day": when.isoformat(),
                    "work_j": work,
                    "best_30d_j": best,
                    "spike": spike,
                    "severity": severity,
                    "hard": back == 0,
                }
            )
    for one in sessions:
        one |= {"visit_work_j": one["work_j"], "state": "baseline", "sets": 4, "hard_sets": 4, "hard_sets_7d": 12}
        one |= {"sets_measured": 4, "sets_above_40_pct": int(one["session"] == "S-1"), "velocity_loss_pct": 23.4}
        one |= {"week_j": 24_000.0, **_against_weeks("usual")}
    for number, day in enumerate(days):
        before = [s["work_j"] for s in sessions if 0 < number - (56 - _back(s["day"])) <= 30]
        day |= {"hard_sets_7d": 12, "best_30d_j": max(before, default=None)}
        day |= {"over_reps": 0, "exposure_kg_mm": 0.0, "deepest_over_mm": None}
    days[-1] |= {"over_reps": 3, "exposure_kg_mm": 4_100.0, "deepest_over_mm": 19.2}
    return {
        "user": user,
        "time_zone": "Europe/Berlin",
        "state": "baseline",
        "now": standing_now(),
        "note": "Only the leg press is seen: squats, running and the rest of the week are not in it.",
        "rules": {"version": 0, "values": {"baseline_yellow": 2.0, "baseline_red": 3.0}},
        "days": days,
        "standing": [
            {"state": None, "from": days[0]["day"], "to": days[0]["day"]},
            {"state": "beginner", "from": days[1]["day"], "to": days[30]["day"]},
            {"state": "baseline", "from": days[31]["day"], "to": days[-1]["day"]},
        ],
        "weeks": [
            {
                "from": days[-7 * back - 7]["day"],
                "to": days[-7 * back - 1]["day"],
                "work_j": sum(day["work_j"] or 0.0 for day in days[-7 * back - 7 : len(days) - 7 * back]),
                "sessions": 3,
                "sets": 12,
                "hard_sets": 12,
                "missing_days": 0,
                "over_reps": 3 * (back == 0),
                "exposure_kg_mm": 4_100.0 * (back == 0),
                "deepest_over_mm": 19.2 if back == 0 else None,
                **_against_weeks("yellow" if back == 0 else "usual" if back < 5 else "few-weeks"),
            }
            for back in range(7, -1, -1)
        ],
        "sessions": sessions,
        "pairs": [],
        "strength": [
            {
                "gym": "north",
                "machine": "press-1",
                "points": [
                    {
                        **{name: one[name] for name in ("session", "start_at", "day")},
                        "e1rm_kg": 180.0 + number % 5,
                        "error_kg": 6.0,
                        "method": "line" if number % 2 else "equation",
                        "guess": number % 2 == 0,
                    }
                    for number, one in enumerate(sessions)
                ],
            }
        ],
        "limits": [
            {
                "gym": "north",
                "machine": "press-1",
                "notch": 4,
                "foot_row": 2,
                "before_mm": None,
                "changes": [
                    {"at": at(60 * 24 * 20), "day": days[36]["day"], "limit_mm": LIMIT_MM, "how": "rep", "by": "admin"}
                ],
            }
        ],
        "pain": [{"id": 1, "at": at(60 * 24), "day": days[-2]["day"], "session": None, "text": None}],
        "alerts": [
            {
                "id": "a" * 32,
                "session": "S-1",
                "at": at(9),
                "day": days[-1]["day"],
                "rule": "workload.spike",
                "severity": "warn",
                "state": "open",
                "title": "Much more than usual",
            }
        ],
        "findings": [],
    }


def standing_now(**changed: Any) -> Json:
    """How somebody stands whose sessions are compared."""
    return {
        "state": "baseline",
        "footing": "baseline",
        "anew": False,
        "sessions": 25,
        "sessions_needed": 4,
        "days": 56.0,
        "days_needed": 30,
        "comparisons_from": (NOW.date() - timedelta(days=26)).isoformat(),
        "returning_session": None,
        "returning_sessions": 2,
        "days_off": None,
        "best_30d_j": 15_300.0,
        "best_90d_j": 15_300.0,
        "missing_30d": 1,
        "missing_allowed_30d": 6,
        "weeks_needed": 8,
        **_against_weeks("yellow"),
        **changed,
    }


def _against_weeks(kind: str) -> Json:
    known = kind in {"usual", "yellow", "red"}
    return {
        "baseline": kind,
        "baseline_weeks": 8 if known else 3,
        "baseline_weeks_left_out": 0,
        "baseline_mean_j": 24_000.0 if known else None,
        "baseline_sd_j": 2_500.0 if known else None,
        "baseline_z": (2.4 if kind == "yellow" else 0.4) if known else None,
    }


def _back(day: str) -> int:
    return (NOW.date() - date.fromisoformat(day)).days


def busy_floor() -> Floor:
    """Two gyms, people pressing, one past the limit, one machine offline; alerts, a closed and a live session."""
    floor = Floor()
    floor.gyms = [
        {
            "gym": "north",
            "name": "Nordpark",
            "time_zone": "Europe/Berlin",
            "machines": 6,
            "in_use": 3,
            "open_alerts": 2,
        },
        {
            "gym": "harbour",
            "name": "Harbour Street",
            "time_zone": "Europe/Berlin",
            "machines": 2,
            "in_use": 1,
            "open_alerts": 1,
        },
    ]
    floor.machines = {
        "north": [
            pressing(
                "north",
                "press-1",
                "m-1042",
                "Anna Kowalska",
                "S-1",
                over=True,
                deepest_mm=431.2,
                set_reps=8,
                tired=True,
            ),
            pressing("north", "press-2", "m-2210", "Jonas Weber", "S-2", load_kg=182.5, set=1, reps=5, set_reps=5),
            machine("north", "press-3"),
            pressing(
                "north",
                "press-4",
                "m-0077",
                "Maximiliane Oberberger-Lindqvist",
                "S-3",
                deepest_mm=398.0,
                set=3,
                load_kg=60.0,
            ),
            machine("north", "press-5", state="offline", status="offline", last_seen_at=at(132)),
            machine("north", "press-6", kind="seated", model="SP-2"),
        ],
        "harbour": [
            pressing("harbour", "press-a", "m-5005", None, "S-4", limit_mm=None, caution_mm=None, limit_tier=None),
            machine("harbour", "press-b"),
        ],
    }
    people = [
        ("m-1042", "Anna Kowalska", 1710.0, "female", 1),
        ("m-2210", "Jonas Weber", 1840.0, "male", 0),
        ("m-0077", "Maximiliane Oberberger-Lindqvist", 1680.0, "female", 0),
        ("m-5005", None, None, None, 1),
        ("m-3120", "Priya Nair", 1620.0, "female", 1),
        ("m-4410", "Tomás Ferreira", 1780.0, "male", 0),
    ]
    for index, (user, name, height, sex, open_alerts) in enumerate(people):
        floor.members[user] = {
            "user": user,
            "name": name,
            "height_mm": height,
            "sex": sex,
            "first_seen_at": at(60 * 24 * 56),
            "last_session_at": at(9 + 700 * index),
            "open_alerts": open_alerts,
        }
        floor.workloads[user] = _workload(user)
        floor.limits[user] = []
    floor.limits["m-1042"] = [
        {
            "gym": "north",
            "machine": "press-1",
            "notch": 4,
            "foot_row": 2,
            "limit_mm": LIMIT_MM,
            "from_rep": None,
            "set_by": "admin",
            "set_at": at(60 * 24 * 20),
            "version": 1,
            "how": "calibration",
            "setup": SETUP,
            "session": "H-20",
            "note": None,
        }
    ]
    floor.changes["m-1042"] = [limit_change(floor.limits["m-1042"][0])]
    begin = NOW_US - 8 * 60_000_000
    depths = [
        (1, [356, 362, 359, 365, 371, 368, 374, 380, 377, 386]),
        (2, [384, 379, 388, 391, 396, 418, 425.4, 431.2]),
    ]
    reps: list[Json] = []
    for in_set, bottoms in depths:
        for index, depth in enumerate(bottoms):
            start = begin + (in_set - 1) * 150_000_000 + index * 3_400_000
            unsure: Json = {"quality": "unsure", "quality_reason": "samples missing"} if len(reps) == 3 else {}
            if len(reps) == 16:
                unsure = {"technique": ["bounce"], "left_n": 400.0, "right_n": 460.0, "asymmetry_pct": 13.0}
            reps.append(rep("S-1", len(reps) + 1, in_set, start, float(depth), 100.0 + 20 * (in_set - 1), **unsure))
    for name, user, user_name, press, state in [
        ("S-1", "m-1042", "Anna Kowalska", "press-1", "closed"),
        ("S-2", "m-2210", "Jonas Weber", "press-2", "live"),
    ]:
        of_session = (
            reps if name == "S-1" else [{**r, "session": name, "user": user, "over_mm": r["over_mm"]} for r in reps[:5]]
        )
        floor.reps[name] = of_session
        floor.traces[name] = trace_of(of_session)
        floor.sessions[name] = {
            "session": name,
            "user": user,
            "user_name": user_name,
            "gym": "north",
            "machine": press,
            "start_at": at(8.2),
            "end_at": at(3.5) if state == "closed" else None,
            "state": state,
            "source": "samples",
            "split_of": None,
            "findings": [],
            "setup": SETUP,
            "limit_mm": LIMIT_MM,
            "limit_tier": "calibrated",
            "work_j": 15_300.0,
            "tonnage_kg": 1_960.0,
            "reps": len(of_session),
            "sets": 2 if state == "closed" else 1,
            "top_load_kg": 120.0,
            "hard_sets": 1,
            "strength": strength() if state == "closed" else None,
            "friction_n": None,
            "notes": [],
            "set_figures": [set_figures(number, of_session) for number in sorted({r["set"] for r in of_session})],
        }
    floor.alerts = [
        alert("a1" * 16),
        alert(
            "b2" * 16,
            user="m-3120",
            user_name="Priya Nair",
            session=None,
            machine=None,
            rule="workload.spike",
            severity="warn",
            count=1,
            first_at=at(25),
            last_at=at(25),
            limit_tier=None,
            title="Above the own history",
            message="Priya Nair did 1.42× the 30-day best: 15.3 kJ against 10.8 kJ. Only the leg press is seen.",
            advice="Cut a set or two: keep the next session under 11.9 kJ (1.10× the best before it) and leave a "
            "day in between, so that the load rises in steps.",
            evidence={
                "session_work_j": 15_300.0,
                "sessions_of_visit": ["S-9"],
                "best_30d_work_j": 10_780.0,
                "best_30d_session": "S-1",
                "best_30d_at": "2025-11-13T16:05:00Z",
                "ratio": 1.4193,
                "threshold": 1.3,
                "thresholds": {"note": 1.1, "warn": 1.3, "alert": 2.0, "alert_with_spacing": 1.3},
                "joined_with_spacing": False,
                "window_days": 30,
                "context": {
                    "hazard_ratio": 1.52,
                    "band": "> 1.30 to 2.00",
                    "source": "5 205 runners; not the leg press",
                },
                "history_sessions": 21,
                "missing_days_30d": 0,
                "seen": "Only the leg press is seen.",
            },
        ),
        alert(
            "c3" * 16,
            gym="harbour",
            user="m-5005",
            user_name=None,
            machine="press-a",
            session=None,
            severity="warn",
            rule="workload.returning",
            count=1,
            first_at=at(60 * 26),
            last_at=at(60 * 26),
            limit_tier=None,
            title="Back too fast after a break",
            message="m-5005 did 0.92× the 90-day best in the first session after 41 days off: 8.2 kJ against 8.9 kJ.",
            advice="Start again at half of it, and build up over three or four sessions.",
            evidence={"fraction_of_90d_best": 0.92, "gap_days": 41, "work_j": 8_200.0, "best_90d_j": 8_900.0},
        ),
        alert(
            "d4" * 16,
            user="m-4410",
            user_name="Tomás Ferreira",
            state="acknowledged",
            count=1,
            first_at=at(60 * 30),
            last_at=at(60 * 30),
            message="Tomás Ferreira went 34 mm past the limit of 380 mm in one rep of set 3 at 140 kg.",
            comments=[{"author": "admin", "at": at(60 * 29), "text": "Spoke to him: the stop had been taken out."}],
        ),
    ]
    floor.accounts = {
        "north/press-1": {"account": account(), "boots": [boot_account("k3x9q0m2v7a1d", current=True)]},
        "north/press-2": {
            "account": account(missing=9, lost=4, refused=3, clock_offset_s=-94.2),
            "boots": [
                boot_account(
                    "m7d2t5w8y1b4e", current=True, missing=9, missing_ranges=[[970, 973], [980, 984]], refused=3,
                    clock_offset_s=-94.2,
                ),
                boot_account("p7c1e5z8w2n4b", stored=1_300, lost=4, online_at=at(60 * 40), clock_offset_s=0.1),
                boot_account("a1a1a1a1a1a1a", stored=12, online_at=None, clock_offset_s=None),
            ],
        },
    }  # fmt: skip
    floor.sensors = {"north/press-1": sensors(*[4.5, 5.0, 4.0, 4.5, 5.5, 5.0]), "north/press-2": DRIFTED}
    floor.events["north/press-2"] = [
        {"id": 4, "at": at(60 * 9), "kind": "online", "boot": "m7d2t5w8y1b4e", "after": "p7c1e5z8w2n4b"},
        {"id": 3, "at": at(60 * 9 + 1), "kind": "offline", "boot": "p7c1e5z8w2n4b"},
        {"id": 2, "at": at(60 * 30), "kind": "gap", "boot": "p7c1e5z8w2n4b", "lost": 4, "ranges": [[970, 973]]},
        {"id": 1, "at": at(60 * 40), "kind": "online", "boot": "p7c1e5z8w2n4b", "after": None},
    ]
    floor.refused = [
        refused(1, reason="bad-topic", detail="topic 'lift/7': expected sledwatch/v1/GYM/MACHINE/state|session|frame, "
                "names matching [a-z0-9][a-z0-9_-]{0,63}", topic="lift/7", gym=None, machine=None, boot=None, seq=None),
        refused(2, reason="too-large", detail="70000 bytes: at most 65536 are taken", bytes=70_000, cut=True),
        refused(3, state="replayed", tries=1, replayed_at=at(3)),
        refused(4, count=3, tries=1),
        refused(5, state="asked"),
        refused(6, payload=None, payload_base64="/wD/", reason="bad-json", detail="JSON is malformed: invalid byte"),
    ]  # fmt: skip
    caution = alert(
        "e5" * 16,
        rule="depth.caution",
        severity="note",
        count=4,
        title="Close to the depth limit",
        message="Anna Kowalska came within 20 mm of the depth limit once in set 2: deepest 396 mm against 412 mm.",
        advice="Set the stop to 412 mm before the load goes up, so that tired reps stay within.",
    )
    floor.findings = [_finding(floor.alerts[0]), _finding(caution)]
    floor.sessions["S-1"]["findings"] = floor.findings
    return floor


def a_set(floor: Floor, session: str, number: int) -> Json:
    """A set as the API lists it."""
    reps = [rep for rep in floor.reps[session] if rep["set"] == number]
    said = (session, number) in floor.corrections
    return {
        "set": number,
        "start_at": at(8.2 - 2.5 * number),
        "end_at": at(8.0 - 2.5 * number),
        "reps": len(reps),
        "depth_mm": max(rep["depth_mm"] for rep in reps),
        "load_kg": reps[0]["load_kg"],
        "user": floor.corrections[session, number] if said else floor.sessions[session]["user"],
        "session": session,
        "corrected_by": "admin" if said else None,
        "corrected_at": at(1) if said else None,
    }


class Wrong(Exception):
    """Refuses a body. fields: what was expected of which of its fields."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(str(fields))
        self.errors = [{"field": name, "place": "body", "expected": expected} for name, expected in fields.items()]


def fake_api(floor: Floor, pages: Callable[[FastAPI], Any] | None = None) -> FastAPI:
    """The API over `floor`. pages: makes the pages for this application; they are mounted beside it, as in `up`."""
    app = FastAPI(openapi_url=None)
    app.include_router(_routes(floor), prefix="/api/v1")

    @app.exception_handler(HTTPException)
    async def problem(_request: Request, error: HTTPException) -> JSONResponse:
        body = {"type": "about:blank", "title": "Problem", "status": error.status_code, "detail": error.detail}
        return JSONResponse(body, error.status_code, media_type="application/problem+json")

    @app.exception_handler(Wrong)
    async def wrong(_request: Request, error: Wrong) -> JSONResponse:
        body = {"type": "urn:sledwatch:problem:invalid-request", "title": "Problem", "status": 422,
                "detail": error.errors[0]["expected"], "errors": error.errors}  # fmt: skip
        return JSONResponse(body, 422, media_type="application/problem+json")

    @app.get("/sign-in")
    async def sign_in(code: str) -> RedirectResponse:
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, TOKEN if code == "once" else "no", httponly=True, samesite="lax")
        return response

    if pages is not None:
        app.mount("/", pages(app))
    return app


def _routes(floor: Floor) -> APIRouter:
    api = APIRouter()

    def signed_in(request: Request) -> None:
        if request.cookies.get(COOKIE) != TOKEN:
            raise HTTPException(401, "sign in by the link that `sledwatch up` prints")

    def found(table: dict[str, Any], key: str, what: str) -> Any:
        if key not in table:
            raise HTTPException(404, f"no {what} {key!r}")
        return table[key]

    def listing(items: list[Json], limit: int = 200, cursor: str | None = None) -> Json:
        first = int(cursor or 0)
        more = len(items) > first + limit
        return {"items": items[first : first + limit], "next": str(first + limit) if more else None}

    @api.get("/gyms")
    async def gyms(request: Request) -> Json:
        signed_in(request)
        return listing(floor.gyms)

    @api.get("/gyms/{gym}/machines")
    async def machines(gym: str, request: Request) -> Json:
        signed_in(request)
        return listing(found(floor.machines, gym, "gym"))

    @api.get("/gyms/{gym}/machines/{name}")
    async def one_machine(gym: str, name: str, request: Request) -> Json:
        signed_in(request)
        live = found({one["machine"]: one for one in found(floor.machines, gym, "gym")}, name, "machine")
        known = floor.accounts.get(f"{gym}/{name}", {"account": None, "boots": []})
        seen = floor.sensors.get(f"{gym}/{name}", sensors())
        return {**live, **known, "events": floor.events.get(f"{gym}/{name}", [])[:20], "sensors": seen}

    @api.get("/gyms/{gym}/machines/{name}/events")
    async def machine_events(gym: str, name: str, request: Request, limit: int = 50, cursor: str | None = None) -> Json:
        signed_in(request)
        return listing(floor.events.get(f"{gym}/{name}", []), limit, cursor)

    @api.get("/quarantine")
    async def quarantine(
        request: Request,
        state: str | None = None,
        reason: str | None = None,
        gym: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        signed_in(request)
        states = {state} if state else {"held", "asked"}
        rows = [
            one
            for one in reversed(floor.refused)
            if one["state"] in states and reason in {None, one["reason"]} and gym in {None, one["gym"]}
        ]
        return listing(rows, limit, cursor)

    @api.get("/quarantine/counts")
    async def counts(request: Request) -> Json:
        signed_in(request)
        rows: dict[tuple[str | None, str], Json] = {}
        for one in floor.refused:
            row = rows.setdefault(
                (one["gym"], one["reason"]),
                {
                    "gym": one["gym"],
                    "reason": one["reason"],
                    **dict.fromkeys(("refused", "held", "held_bytes", "replayed", "expired", "dropped"), 0),
                    "dropped_at": None,
                },
            )
            row["refused"] += one["count"]
            row["held"] += 1
            row["replayed"] += one["state"] == "replayed"
            row["dropped"] += 7 if one["reason"] == "bad-json" else 0
        return listing(list(rows.values()))

    @api.get("/quarantine/{id_}")
    async def one_refused(id_: int, request: Request) -> Json:
        signed_in(request)
        return dict(found({one["id"]: one for one in floor.refused}, id_, "message"))

    @api.post("/quarantine/replay", status_code=202)
    async def replay_many(request: Request) -> Json:
        signed_in(request)
        wish = await request.json()
        floor.calls.append(("POST", "/quarantine/replay", wish))
        meant = [
            one
            for one in floor.refused
            if one["state"] == "held"
            and not one["cut"]
            and all(one[name] == wish[name] for name in ("reason", "gym") if name in wish)
        ]
        for one in meant:
            one["state"] = "asked"
        return {"asked": len(meant)}

    @api.post("/quarantine/{id_}/replay", status_code=202)
    async def replay(id_: int, request: Request) -> Json:
        signed_in(request)
        floor.calls.append(("POST", f"/quarantine/{id_}/replay", None))
        one = found({one["id"]: one for one in floor.refused}, id_, "message")
        if one["cut"] or one["state"] == "replayed":
            raise HTTPException(409, f"message {id_} cannot be tried again")
        one["state"] = "asked"
        return dict(one)

    @api.get("/members")
    async def members(request: Request, limit: int = 50, cursor: str | None = None) -> Json:
        signed_in(request)
        return listing(list(floor.members.values()), limit, cursor)

    @api.get("/members/{user}")
    async def member(user: str, request: Request) -> Json:
        signed_in(request)
        return dict(found(floor.members, user, "member"))

    @api.put("/members/{user}")
    async def change_member(user: str, request: Request) -> Json:
        signed_in(request)
        body = await request.json()
        floor.calls.append(("PUT", f"/members/{user}", body))
        found(floor.members, user, "member").update(body)
        return dict(floor.members[user])

    @api.get("/members/{user}/sessions")
    async def sessions(user: str, request: Request, limit: int = 50, cursor: str | None = None) -> Json:
        signed_in(request)
        rows = [s for s in floor.sessions.values() if s["user"] == user]
        rows += [
            {
                **floor.sessions["S-1"],
                "session": s["session"],
                "start_at": s["start_at"],
                "end_at": s["start_at"],
                "work_j": s["work_j"],
                "findings": [],
                "user": user,
            }
            for s in reversed(floor.workloads[user]["sessions"])
            if s["session"] not in floor.sessions
        ]
        whole = {"strength", "friction_n", "set_figures", "notes"}
        rows = [{name: value for name, value in row.items() if name not in whole} for row in rows]
        return listing(rows, limit, cursor)

    @api.get("/members/{user}/notes")
    async def notes(user: str, request: Request, limit: int = 50, cursor: str | None = None) -> Json:
        signed_in(request)
        return listing(list(reversed(floor.notes.get(user, []))), limit, cursor)

    @api.post("/members/{user}/notes")
    async def write_note(user: str, request: Request, response: Response) -> Json:
        signed_in(request)
        body = await request.json()
        floor.calls.append(("POST", f"/members/{user}/notes", body))
        kept = floor.notes.setdefault(user, [])
        repeated = any(one["taken_back_at"] is None and one["noted_at"] == at(0) for one in kept)
        if not repeated:
            kept.append(note(len(kept) + 1, user=user, session=body.get("session"), text=body.get("text")))
        response.status_code = 200 if repeated else 201
        loud = alert("ba" * 16, user=user, rule="pain.reported") if user == "m-1042" else None
        return {"note": kept[-1], "repeated": repeated, "finding": None, "alert": loud}

    @api.delete("/members/{user}/notes/{id_}")
    async def take_back(user: str, id_: int, request: Request) -> Json:
        signed_in(request)
        floor.calls.append(("DELETE", f"/members/{user}/notes/{id_}", None))
        one = found({note["id"]: note for note in floor.notes.get(user, [])}, id_, "note")  # type: ignore[arg-type]
        one.update(taken_back_by="admin", taken_back_at=at(0))
        return {"note": one, "repeated": False, "finding": None, "alert": None}

    @api.get("/members/{user}/workload")
    async def workload(user: str, request: Request) -> Json:
        signed_in(request)
        return dict(found(floor.workloads, user, "member"))

    @api.get("/members/{user}/limits")
    async def limits(user: str, request: Request) -> Json:
        signed_in(request)
        return listing(found(floor.limits, user, "member"))

    @api.put("/members/{user}/limits/{gym}/{machine_name}")
    async def set_limit(user: str, gym: str, machine_name: str, request: Request) -> Json:
        signed_in(request)
        body = await request.json()
        floor.calls.append(("PUT", f"/members/{user}/limits/{gym}/{machine_name}", body))
        pointed = body.get("from_rep")
        limit_mm = body.get("limit_mm")
        if limit_mm is None:
            limit_mm = next(r["depth_mm"] for r in floor.reps[pointed["session"]] if r["rep"] == pointed["rep"])
        if limit_mm < 100:
            raise HTTPException(422, "a limit lies between 100 mm and the machine's travel")
        limit = {
            "gym": gym,
            "machine": machine_name,
            "notch": body.get("notch"),
            "foot_row": body.get("foot_row"),
            "limit_mm": limit_mm,
            "from_rep": pointed,
            "set_by": "admin",
            "set_at": at(0),
            "version": 2,
            "how": "figure" if pointed is None else "rep",
            "setup": None if pointed is None else SETUP,
            "session": None if pointed is None else pointed["session"],
            "note": body.get("note"),
        }
        return keep_limit(user, limit)

    def keep_limit(user: str, limit: Json) -> Json:
        same = ("gym", "machine", "notch", "foot_row")
        kept = [old for old in floor.limits[user] if any(old[name] != limit[name] for name in same)]
        floor.limits[user] = [*kept, limit]
        floor.changes.setdefault(user, []).insert(0, limit_change(limit))
        for item in floor.machines[limit["gym"]]:
            if (item["machine"], item["user"]) == (limit["machine"], user):
                item |= {"limit_mm": limit["limit_mm"], "caution_mm": limit["limit_mm"] - 20}
        return limit

    @api.get("/members/{user}/limits/{gym}/{name}/history")
    async def changes(
        user: str, gym: str, name: str, request: Request, limit: int = 50, cursor: str | None = None
    ) -> Json:
        signed_in(request)
        found(floor.members, user, "member")
        rows = [one for one in floor.changes.get(user, []) if (one["gym"], one["machine"]) == (gym, name)]
        return listing(rows, limit, cursor)

    @api.get("/members/{user}/limits/{gym}/{name}/in-force")
    async def in_force(user: str, gym: str, name: str, request: Request) -> Json:
        signed_in(request)
        return limit_in_force(floor, user, gym, name, **floor.in_force.get(user, {}))

    def visit_of(user: str, gym: str, name: str) -> Json:
        return dict(found(floor.visits, (user, gym, name), "calibration under way of"))

    @api.post("/members/{user}/limits/{gym}/{name}/calibration")
    async def begin_visit(user: str, gym: str, name: str, request: Request) -> Json:
        signed_in(request)
        floor.calls.append(("POST", request.url.path.removeprefix("/api/v1"), None))
        floor.visits[user, gym, name] = begun_visit()
        return calibration(floor, user, gym, name)

    @api.get("/members/{user}/limits/{gym}/{name}/calibration")
    async def visit(user: str, gym: str, name: str, request: Request) -> Json:
        signed_in(request)
        visit_of(user, gym, name)
        return calibration(floor, user, gym, name)

    @api.delete("/members/{user}/limits/{gym}/{name}/calibration", status_code=204)
    async def cancel_visit(user: str, gym: str, name: str, request: Request) -> Response:
        signed_in(request)
        visit_of(user, gym, name)
        del floor.visits[user, gym, name]
        return Response(status_code=204)

    @api.post("/members/{user}/limits/{gym}/{name}/calibration/confirm")
    async def confirm_visit(user: str, gym: str, name: str, request: Request) -> Json:
        signed_in(request)
        body = await request.json()
        floor.calls.append(("POST", request.url.path.removeprefix("/api/v1"), body))
        kept = visit_of(user, gym, name)
        stands = calibration(floor, user, gym, name)
        if stands["awaiting"] == "badge":
            raise HTTPException(409, f"{user} is not badged in on {gym}/{name}: the limit needs their seat")
        if not (kept["near_empty"] or body["accept_load"]):
            raise HTTPException(409, "the sled is not known to be near-empty (107 kg): take plates off and let it down")
        del floor.visits[user, gym, name]
        meant = stands[body["point"]] if "point" in body else bottom(body["depth_mm"])
        limit = {
            "gym": gym,
            "machine": name,
            "notch": None if body["every_notch"] else SETUP["notch"],
            "foot_row": None if body["every_foot_row"] else SETUP["foot_row"],
            "limit_mm": meant["depth_mm"],
            "from_rep": None
            if meant["rep"] is None
            else {"session": stands["session"], "set": meant["set"], "rep": meant["rep"]},
            "set_by": "admin",
            "set_at": at(0),
            "version": 2,
            "how": "calibration",
            "setup": SETUP,
            "session": stands["session"],
            "note": body["note"],
        }
        return keep_limit(user, limit)

    def standing(user: str) -> Json:
        kept = floor.protocols.get(user, [])
        if not kept or kept[0]["ended_at"] is not None:
            raise HTTPException(404, f"no protocol of {user} is set")
        return kept[0]

    @api.get("/members/{user}/protocol")
    async def get_protocol(user: str, request: Request) -> Json:
        signed_in(request)
        return {name: value for name, value in standing(user).items() if not name.startswith("ended_")}

    @api.put("/members/{user}/protocol")
    async def set_protocol(user: str, request: Request) -> Json:
        signed_in(request)
        body = await request.json()
        floor.calls.append(("PUT", f"/members/{user}/protocol", body))
        if floor.wrong_protocol:
            raise Wrong(floor.wrong_protocol)
        kept = floor.protocols.setdefault(user, [])
        if kept and kept[0]["ended_at"] is None:
            kept[0] |= {"ended_by": "admin", "ended_at": at(0)}
        kept.insert(0, protocol(user=user, version=len(kept) + 1, set_at=at(0), **body))
        return {name: value for name, value in kept[0].items() if not name.startswith("ended_")}

    @api.delete("/members/{user}/protocol", status_code=204)
    async def end_protocol(user: str, request: Request) -> Response:
        signed_in(request)
        floor.calls.append(("DELETE", f"/members/{user}/protocol", None))
        standing(user).update({"ended_by": "admin", "ended_at": at(0)})
        return Response(status_code=204)

    @api.get("/members/{user}/protocol/history")
    async def protocols(user: str, request: Request, limit: int = 50, cursor: str | None = None) -> Json:
        signed_in(request)
        return listing(floor.protocols.get(user, []), limit, cursor)

    @api.get("/sessions/{session}")
    async def one_session(session: str, request: Request) -> Json:
        signed_in(request)
        if session.startswith("H-"):
            return {**floor.sessions["S-1"], "session": session, "strength": None}
        notes = [one for of in floor.notes.values() for one in of if one["session"] == session]
        return {**found(floor.sessions, session, "session"), "notes": notes}

    @api.get("/sessions/{session}/sets")
    async def sets(session: str, request: Request) -> Json:
        signed_in(request)
        return listing([a_set(floor, session, number) for number in sorted({r["set"] for r in floor.reps[session]})])

    @api.post("/sessions/{session}/sets/{number}/{verb}", status_code=202)
    async def correct_set(session: str, number: int, verb: str, request: Request) -> Json:
        signed_in(request)
        body = await request.json() if verb == "reassign" else None
        floor.calls.append(("POST", f"/sessions/{session}/sets/{number}/{verb}", body))
        floor.corrections[session, number] = None if body is None else body["user"]
        return a_set(floor, session, number)

    @api.get("/sessions/{session}/reps")
    async def reps(session: str, request: Request) -> Json:
        signed_in(request)
        return listing(found(floor.reps, session, "session"))

    @api.get("/sessions/{session}/trace")
    async def trace(session: str, request: Request) -> Json:
        signed_in(request)
        return dict(found(floor.traces, session, "session"))

    @api.get("/findings")
    async def findings(request: Request, user: str | None = None, session: str | None = None) -> Json:
        signed_in(request)
        return listing([f for f in floor.findings if user in {None, f["user"]} and session in {None, f["session"]}])

    @api.get("/alerts")
    async def alerts(
        request: Request,
        state: str | None = None,
        user: str | None = None,
        gym: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        signed_in(request)
        rows = [
            a
            for a in floor.alerts
            if state in {None, a["state"]} and user in {None, a["user"]} and gym in {None, a["gym"]}
        ]
        return listing(sorted(rows, key=lambda a: a["last_at"], reverse=True), limit, cursor)

    @api.get("/alerts/{id_}")
    async def one_alert(id_: str, request: Request) -> Json:
        signed_in(request)
        return dict(found({a["id"]: a for a in floor.alerts}, id_, "alert"))

    @api.post("/alerts/{id_}/{verb}")
    async def change_alert(id_: str, verb: str, request: Request) -> Json:
        signed_in(request)
        body = await request.json()
        floor.calls.append(("POST", f"/alerts/{id_}/{verb}", body))
        one = found({a["id"]: a for a in floor.alerts}, id_, "alert")
        if verb == "comments":
            one["comments"].append({"author": "admin", "at": at(0), "text": body["text"]})
        elif one["state"] == "resolved":
            raise HTTPException(409, "the alert is resolved: it cannot be changed any more")
        else:
            one["state"] = {"acknowledge": "acknowledged", "silence": "silenced", "resolve": "resolved"}[verb]
        return dict(one)

    @api.get("/stream")
    async def stream(request: Request) -> StreamingResponse:
        signed_in(request)
        return StreamingResponse(_events(floor), media_type="text/event-stream", headers={"cache-control": "no-store"})

    return api


async def _events(floor: Floor) -> AsyncIterator[bytes]:
    mine: tuple[asyncio.AbstractEventLoop, asyncio.Queue[bytes | None]] = (asyncio.get_running_loop(), asyncio.Queue())
    with floor.lock:
        floor.listeners.append(mine)
    try:
        yield b"retry: 200\n\n"
        while (chunk := await mine[1].get()) is not None:
            yield chunk
    finally:
        with floor.lock:
            floor.listeners.remove(mine)
