"""Write docs/asyncapi.yaml (AsyncAPI 3) from the types of `sledwatch.events`, or check that it is what they say.

Usage: python docs/generate/asyncapi.py [--check]
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from sledwatch import events
from sledwatch.events import TopicKind

DOCUMENT = Path(__file__).parent.parent / "asyncapi.yaml"
_SETUP = {"backrest_deg": 30.0, "notch": 4, "foot_row": 2, "foot_offset_mm": 0}
_NUMBERED = {"boot": "k3x9q0m2v7a1d", "session": "01JDA3M7Q2"}
_T_US = 1_795_330_800_000_000


class Channel(NamedTuple):
    """One topic of the contract: who speaks, how, and an example of each form."""

    kind: TopicKind
    sends: str  # machine | sledwatch
    title: str
    types: tuple[Any, ...]
    mqtt: dict[str, Any]
    examples: tuple[dict[str, Any], ...]


_REP = {
    "session": "01JDA3M7Q2", "user": "m-1042", "gym": "riverside", "machine": "press-1", "set": 2, "rep": 14,
    "t_start_us": _T_US, "t_turn_us": _T_US + 2_100_000, "t_end_us": _T_US + 3_400_000, "load_kg": 120.0,
    "depth_mm": 431.2, "rom_mm": 396.0, "eccentric_s": 2.04, "concentric_s": 1.22, "bottom_dwell_s": 0.1,
    "mean_velocity_m_s": 0.325, "mean_propulsive_velocity_m_s": 0.327, "peak_velocity_m_s": 0.58, "work_j": 331.4,
    "velocity_loss_pct": 18.0, "knee_deg": 108.0, "hip_deg": 122.0, "limit_mm": 412.0, "over_mm": 19.2,
    "limit_tier": "calibrated", "quality": "ok", "quality_reason": None, "propulsive_s": 1.22,
    "eccentric_peak_velocity_m_s": 0.39, "turn_deceleration_m_s2": 1.7, "lockout_velocity_m_s": 0.14, "left_n": 431.0,
    "right_n": 402.0, "asymmetry_pct": 6.7,
}  # fmt: skip

CHANNELS = (
    Channel(
        TopicKind.STATE,
        "machine",
        "Birth certificate at each connection; as last will, that it is gone",
        (events.Online, events.Offline),
        {"qos": 1, "retain": True},
        (
            {
                "v": 1, "status": "online", "boot": "k3x9q0m2v7a1d", "kind": "incline", "rail_deg": 45.0,
                "backrest_deg": 30.0, "travel_mm": 620.0, "rate_hz": 50.0, "resistance": "plates", "ratio": 1.0,
                "moves": "plate", "reach_mm": 830.0, "notch_mm": 25.0, "model": "LP-45", "firmware": "1.4.2",
                "oldest_seq": 0, "held": [{"boot": "p7c1e5z8w2n4b", "from": 880, "to": 1300}],
            },
            {"v": 1, "status": "offline", "boot": "k3x9q0m2v7a1d"},
        ),
    ),
    Channel(
        TopicKind.SESSION,
        "machine",
        "Somebody badged in, changed the seat, or left; numbered in the same seq as frames",
        (events.SessionStart, events.SessionSetup, events.SessionEnd),
        {"qos": 1, "retain": True},
        (
            {"v": 1, "event": "start", **_NUMBERED, "seq": 1040, "user": "m-1042", "t_us": _T_US, "setup": _SETUP},
            {"v": 1, "event": "setup", **_NUMBERED, "seq": 1090, "t_us": _T_US + 50_000_000, "setup": _SETUP},
            {"v": 1, "event": "end", **_NUMBERED, "seq": 1161, "t_us": _T_US + 120_000_000, "reason": "badge_out"},
        ),
    ),
    Channel(
        TopicKind.FRAME,
        "machine",
        "Samples in columns, one frame a second by default; sent while somebody is badged in or the sled moves",
        (events.Frame,),
        {"qos": 1, "retain": False},
        (
            {
                "v": 1, **_NUMBERED, "seq": 1042, "t_us": _T_US, "dt_us": 20_000,
                "depth_mm": [12.1, None, 12.9, 13.6], "load_kg": 120.0,
            },
            {
                "v": 1, "boot": "k3x9q0m2v7a1d", "seq": 1043, "t_us": _T_US, "dt_us": 20_000, "session": None,
                "depth_mm": [0.0, 0.4], "load_kg": [120.0, 140.0], "left_n": [410.0, 415.5], "right_n": [402.0, None],
            },
        ),
    ),
    Channel(
        TopicKind.STORED,
        "sledwatch",
        "The watermark: what the machine need not keep any longer; at most every 2 s",
        (events.Stored,),
        {"qos": 1, "retain": True},
        ({"v": 1, "boots": [{"boot": "k3x9q0m2v7a1d", "seq": 1042, "missing": [[970, 973]]}]},),
    ),
    Channel(
        TopicKind.LIMIT,
        "sledwatch",
        "How deep the member may go, for the machine to warn by itself; ignored unless the session matches",
        (events.Limit,),
        {"qos": 1, "retain": True},
        (
            {"v": 1, "session": "01JDA3M7Q2", "limit_mm": 412.0, "caution_mm": 392.0, "tier": "calibrated"},
            {"v": 1, "session": "01JDA3M7Q2", "limit_mm": 300.0, "caution_mm": 280.0, "tier": None},
            {"v": 1, "session": "01JDA3M7Q2", "limit_mm": None, "caution_mm": None, "tier": None},
        ),
    ),
    Channel(
        TopicKind.CUE,
        "sledwatch",
        "Something to show the member now; only for frames under 5 s old",
        (events.Cue,),
        {"qos": 1, "retain": False, "messageExpiryInterval": events.CUE_EXPIRES_S},
        ({"v": 1, "session": "01JDA3M7Q2", "kind": "excessive", "t_us": _T_US, "depth_mm": 431.0},),
    ),
    Channel(
        TopicKind.REP,
        "sledwatch",
        "A repetition as it was found, provisional until its session is closed",
        (events.Rep,),
        {"qos": 1, "retain": False},
        ({"v": 1, **_REP},),
    ),
    Channel(
        TopicKind.ALERT,
        "sledwatch",
        "An alert was raised, repeated or changed",
        (events.Alert,),
        {"qos": 1, "retain": False},
        (
            {
                "v": 1, "id": "5b1f0c7a9e3d4f62a8b0c1d2e3f40516", "gym": "riverside", "user": "m-1042",
                "machine": "press-1", "session": "01JDA3M7Q2", "rule": "depth.excessive", "severity": "alert",
                "state": "open", "count": 3, "first_at": "2026-11-22T07:00:02Z", "last_at": "2026-11-22T07:01:12Z",
                "title": "Past the depth limit", "message": "Mia went past her depth limit 3 times in set 2.",
                "advice": "Raise the stop by one notch, or end the set.",
                "evidence": {"limit_mm": 412.0, "deepest_mm": 431.2, "reps_over": 3}, "limit_tier": "calibrated",
            },
        ),
    ),
)  # fmt: skip

_REASONS = ", ".join(f"`{reason}`" for reason in events.Reason)
_DESCRIPTION = f"""\
Smart leg presses publish depth and load; Sledwatch stores, answers what is stored, and speaks to the person pressing.

Names of gyms, machines and users match `[a-z0-9][a-z0-9_-]{{0,63}}`; session ids and boots `[A-Za-z0-9_-]{{1,64}}`.
Times are integer microseconds since the Unix epoch, UTC. Units are in the names. Unknown fields are ignored.
`(gym, machine, boot, seq)` names a frame or session event for ever: sent twice, it is stored once.

Refused, and kept in quarantine with the reason ({_REASONS}): more than {events.MAX_PAYLOAD_BYTES} bytes or
{events.MAX_SAMPLES} samples, loads outside 0 to {events.MAX_LOAD_KG:g} kg, fewer than half the samples usable, times
more than {events.MAX_AHEAD_US // 60_000_000} minutes ahead or {events.MAX_BEHIND_US // 86_400_000_000} days behind.
A depth outside {events.MIN_DEPTH_MM:g} to {events.MAX_DEPTH_MM:g} mm is stored as missing.
"""


def document() -> dict[str, Any]:
    """The whole AsyncAPI document as plain data."""
    types = [message for channel in CHANNELS for message in channel.types]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for channel in CHANNELS:
        name = channel.kind.value
        below_machine = channel.kind is not TopicKind.ALERT
        parameters = {"gym": {"description": "the gym's name"}}
        if below_machine:
            parameters["machine"] = {"description": "the machine's name"}
        channels[name] = {
            "address": f"{events.ROOT}/{{gym}}/{'{machine}/' if below_machine else ''}{name}",
            "title": channel.title,
            "parameters": parameters,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        bindings = dict(channel.mqtt)
        operations[f"{channel.sends}-{name}"] = {
            # AsyncAPI's verbs say what the described application, Sledwatch, does.
            "action": "receive" if channel.sends == "machine" else "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": channel.title,
            "bindings": {"mqtt": {**bindings, "bindingVersion": "0.2.0"}},
        }
        references = [{"$ref": f"#/components/schemas/{message.__name__}"} for message in channel.types]
        messages[name] = {
            "contentType": "application/json",
            "payload": references[0] if len(references) == 1 else {"oneOf": references},
            "examples": [{"payload": example} for example in channel.examples],
        }
    for schema in schemas.values():
        _require_version(schema)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sledwatch on the wire",
            "version": f"{events.VERSION}.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:1883", "protocol": "mqtt", "protocolVersion": "5.0"}},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _require_version(schema: dict[str, Any]) -> None:
    """The types give `v` a default for those who build messages; on the wire it is required, and 1."""
    properties = schema.get("properties", {})
    is_message = "v" in properties or "t_turn_us" in properties or "first_at" in properties
    if is_message:
        properties["v"] = {"const": events.VERSION}
        schema["required"] = ["v", *(name for name in schema.get("required", []) if name != "v")]


class _Dumper(yaml.SafeDumper):
    """YAML with paragraphs as blocks, for people to read."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def main() -> int:
    """Write the document, or with --check compare it; exit code 1 where it differs."""
    text = "# Generated from sledwatch.events by `make docs`; not to be edited by hand.\n" + yaml.dump(
        document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120
    )
    if "--check" in sys.argv[1:]:
        if DOCUMENT.exists() and DOCUMENT.read_text() == text:
            return 0
        sys.stderr.write("docs/asyncapi.yaml is not what the types say: run `make docs` and commit it\n")
        return 1
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
