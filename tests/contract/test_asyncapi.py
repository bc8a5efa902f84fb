"""docs/asyncapi.yaml against the types and the decoder: what is documented is what is taken."""

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from sledwatch import events
from sledwatch.events import Event, TopicKind

ROOT = Path(__file__).parents[2]
DOCUMENT = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
NOW_US = 1_795_330_800_000_000
EXAMPLES = [
    (kind, example["payload"])
    for kind, message in DOCUMENT["components"]["messages"].items()
    for example in message["examples"]
]
_TYPES: dict[str, Any] = {
    "stored": events.Stored,
    "limit": events.Limit,
    "cue": events.Cue,
    "rep": events.Rep,
    "alert": events.Alert,
}


def test_every_topic_of_the_contract_is_documented() -> None:
    addresses = {channel["address"].rpartition("/")[2] for channel in DOCUMENT["channels"].values()}
    assert {kind.value for kind in TopicKind} == addresses


@pytest.mark.parametrize(("kind", "payload"), EXAMPLES)
def test_every_example_is_decoded(kind: str, payload: dict[str, Any]) -> None:
    wire = msgspec.json.encode(payload)
    if kind in _TYPES:
        message = msgspec.json.decode(wire, type=_TYPES[kind])
        assert payload == msgspec.json.decode(events.encode(message))
    else:
        assert isinstance(events.decode(f"sledwatch/v1/gym/press-1/{kind}", wire, NOW_US), Event)


@pytest.mark.parametrize(("kind", "payload"), EXAMPLES)
def test_every_example_keeps_its_schema(kind: str, payload: dict[str, Any]) -> None:
    schema = {**DOCUMENT["components"]["messages"][kind]["payload"], "components": DOCUMENT["components"]}
    jsonschema.validate(payload, schema)


def test_every_reason_of_refusal_is_documented() -> None:
    assert [reason for reason in events.Reason if f"`{reason}`" not in DOCUMENT["info"]["description"]] == []
