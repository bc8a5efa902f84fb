"""What a protocol may say, and what is told of one that cannot be."""

from typing import Any

import pytest
from pydantic import ValidationError

from sledwatch_analytics.api.protocol import ProtocolWish

KNEE = {"quantity": "knee_deg", "min": 20, "max": 80}
DEPTH = {"quantity": "depth_mm", "max": 300, "gym": "north", "machine": "press-1"}
LATER = "2026-12-31T00:00:00Z"


def wish(**changes: Any) -> dict[str, Any]:
    return {"windows": [KNEE], "load_cap_kg": 90, "expires_at": LATER} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"windows": []},
        {"load_cap_kg": None},
        {"windows": [KNEE, DEPTH, KNEE | {"gym": "north", "machine": "press-1"}]},
        {"windows": [{"quantity": "knee_deg", "min": 0, "max": 160}]},
        {"windows": [DEPTH | {"min": 299.9, "max": 300}]},
    ],
)
def test_a_protocol_may_say_this(changes: dict[str, Any]) -> None:
    assert LATER[:10] == str(ProtocolWish.model_validate(wish(**changes)).expires_at.date())


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"windows": [], "load_cap_kg": None}, "", "give at least one window, or load_cap_kg"),
        ({"windows": [{"quantity": "knee_deg"}]}, "windows.0", "give min, max, or both"),
        ({"windows": [KNEE | {"min": 80}]}, "windows.0", "min 80 must be less than max 80"),
        ({"windows": [KNEE | {"max": 161}]}, "windows.0", "expected 160 at most"),
        ({"windows": [DEPTH | {"max": 2_001}]}, "windows.0", "expected 2000 at most"),
        ({"windows": [KNEE | {"min": -1}]}, "windows.0.min", "greater than or equal to 0"),
        ({"windows": [KNEE | {"gym": "north"}]}, "windows.0", "give gym and machine together"),
        ({"windows": [{"quantity": "depth_mm", "max": 300}]}, "windows.0", "needs gym and machine"),
        ({"windows": [{"quantity": "hip_deg", "max": 90}]}, "windows.0.quantity", "'knee_deg' or 'depth_mm'"),
        ({"windows": [KNEE, KNEE]}, "", "two knee_deg windows for any machine"),
        ({"windows": [DEPTH, DEPTH]}, "", "two depth_mm windows for north/press-1"),
        ({"load_cap_kg": 0}, "load_cap_kg", "greater than 0"),
        ({"expires_at": "2026-12-31T00:00:00"}, "expires_at", "timezone"),
        ({"expires_at": None}, "expires_at", "datetime"),
        ({"until": LATER}, "until", "not permitted"),
    ],
)
def test_a_protocol_that_cannot_be_says_where_and_what_is_expected(
    changes: dict[str, Any], field: str, expected: str
) -> None:
    with pytest.raises(ValidationError) as told:
        ProtocolWish.model_validate(wish(**changes))
    (error,) = told.value.errors()
    assert field == ".".join(str(step) for step in error["loc"])
    assert expected in error["msg"]
