"""Which alerts are told to the world, and under which key: written in the transaction that made them true."""

import json
from typing import Any, Final

from sqlalchemy import Connection

from sledwatch.events import Alert, encode
from sledwatch_storage.state import outbox

MQTT: Final = "mqtt"


def tell(connection: Connection, alert: Alert, now_us: int, *, anew: bool = False) -> None:
    """Write a letter about an alert, once a severity: it repeats by counting, and a trainer is not told again.

    What somebody silenced or resolved before is not told. anew: of a matter that begins again after it was over, which
    has another first time then, and is news.
    """
    if alert.state in {"open", "acknowledged"}:
        key = f"{alert.id}:{alert.severity}" + (f":{alert.first_at.timestamp():.0f}" if anew else "")
        outbox.put(connection, key=key, alert=alert.id, channel=MQTT, payload=_payload(alert), now_us=now_us)


def tell_withdrawn(connection: Connection, alert: Alert, now_us: int) -> None:
    """Write that an alert, perhaps told already, did not hold, in place of what is not sent yet of it."""
    outbox.withdraw(connection, alert.id)
    key = f"{alert.id}:withdrawn"
    outbox.put(connection, key=key, alert=alert.id, channel=MQTT, payload=_payload(alert), now_us=now_us)


def _payload(alert: Alert) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(encode(alert))
    return payload
