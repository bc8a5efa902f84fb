"""How ingest presents itself to a broker: its name, what it subscribes to, and what it asks for."""

from dataclasses import dataclass
from typing import Final

from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sledwatch.address import BrokerAddress
from sledwatch.events import ROOT
from sledwatch_ingest.stream import StreamingClient

# Larger messages the broker is asked to keep to itself, so that no sender decides how much memory we take. Those that
# the contract has no room for, but that are smaller than this, are refused with a reason.
_MAX_PACKET_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Session:
    """How we present ourselves. The broker keeps our place under `client_id` for `expiry_s` after we are gone.

    group: share frames and sessions with other replicas of that name; each then needs a client_id of its own.
    outage_expiry_s: for how long it keeps our place when we leave because the store is away; None: as ever.
    """

    client_id: str
    group: str | None
    keepalive_s: int
    expiry_s: int
    receive_maximum: int
    outage_expiry_s: int | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """What we subscribe to. State is not shared: every replica is to have the retained ones."""
        shared = "" if self.group is None else f"$share/{self.group}/"
        return (f"{ROOT}/+/+/state", f"{shared}{ROOT}/+/+/session", f"{shared}{ROOT}/+/+/frame")

    def farewell(self) -> Properties:
        """What to tell the broker when we leave for as long as the store is away."""
        properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        if self.outage_expiry_s is not None:
            properties.SessionExpiryInterval = self.outage_expiry_s
        return properties


def make_client(address: BrokerAddress, session: Session) -> StreamingClient:
    """A paho client, not connected yet, whose acknowledgements are ours to send."""
    client = StreamingClient(
        CallbackAPIVersion.VERSION2,
        client_id=session.client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=True,
    )
    address.prepare(client)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session.expiry_s
    properties.ReceiveMaximum = min(session.receive_maximum, 65_535)
    properties.MaximumPacketSize = _MAX_PACKET_BYTES
    client.connect_async(
        address.host,
        address.port,
        session.keepalive_s,
        # Not even the first time: rumqttd forgets the session of a client whose first connect was a clean start.
        clean_start=False,
        properties=properties,
    )
    # Without such a callback paho would write each packet by itself, wherever it is queued.
    client.on_socket_register_write = lambda _client, _userdata, _sock: None
    return client
