"""A receiver of alerts, in one file: each is told once, whatever breaks off meanwhile. It needs paho-mqtt alone.

    python examples/alert_receiver.py                                    # prints them
    python examples/alert_receiver.py --post https://chat.example/hook   # hands each to a web service as JSON

Sledwatch publishes every alert on sledwatch/v1/GYM/alert at least once, so the same one may come again: live and from
the closing analysis, or after a broken connection. Its key says what is news: the alert's id with its severity and its
first time, for an alert that has become more severe is news, a matter that begins again is, and one that did not hold.
This program remembers the keys that it has dealt with, and acknowledges a message to the broker only then; while it is
away, the broker keeps them for it.

Telemetry carries pseudonyms only: ask the API for a member's name, as examples/api_client.py does.
"""

import argparse
import json
import queue
import signal
import sqlite3
import sys
import threading
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

KEPT_FOR_US_S = 7 * 24 * 3600  # how long the broker keeps alerts while we are away


def key_of(alert: dict[str, Any]) -> str:
    """The idempotency key: the same for the same news. A resolved one is an alert that did not hold."""
    news = "withdrawn" if alert["state"] == "resolved" else alert["severity"]
    return f"{alert['id']}:{news}:{alert['first_at']}"


def tell(alert: dict[str, Any], hook: str | None) -> None:
    """Whatever is to happen with an alert; here it is printed, and posted if asked for. Raises OSError to try again."""
    if hook is not None:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key_of(alert)}
        request = urllib.request.Request(hook, json.dumps(alert).encode(), headers)  # noqa: S310 - checked in main
        with urllib.request.urlopen(request, timeout=10.0):  # noqa: S310
            pass
    print(f"{alert['severity'].upper()}  {alert['title']} — {alert['user'] or 'nobody known'} at {alert['gym']}")
    print(f"  {alert['message']}\n  {alert['advice']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Tells each alert of Sledwatch once. Ctrl-C ends it.")
    parser.add_argument(
        "--mqtt", default="mqtt://127.0.0.1:1883", help="the broker: mqtt[s]://[USER:PASSWORD@]HOST[:PORT]"
    )
    parser.add_argument("--ca", help="the CA that signed the broker's certificate, where the system does not know it")
    parser.add_argument("--gym", default="+", help="of this gym only")
    parser.add_argument("--post", help="a web address that gets each alert as JSON, with an Idempotency-Key")
    parser.add_argument("--memory", default="alerts-told.db", help="the file that remembers what was told")
    parser.add_argument("--name", default="alert-receiver", help="as the broker knows it: one name, one receiver")
    parser.add_argument("--again-s", type=float, default=5.0, help="how long to wait after a post that failed")
    options = parser.parse_args()
    if options.post and urlsplit(options.post).scheme not in {"http", "https"}:
        parser.error(f"--post {options.post}: expected http:// or https://")

    told = sqlite3.connect(options.memory, isolation_level=None)
    told.execute("CREATE TABLE IF NOT EXISTS told (key TEXT PRIMARY KEY)")
    receiver = Receiver(options)

    def stop(*_: object) -> None:
        receiver.stopping.set()
        receiver.inbox.put(None)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    while (came := receiver.inbox.get()) is not None:
        connection, message = came
        try:
            alert = json.loads(message.payload)
            key = key_of(alert)
        except (ValueError, KeyError, TypeError) as error:
            print(f"not understood, and left: {message.topic}: {error!r}", file=sys.stderr, flush=True)
        else:
            if told.execute("SELECT 1 FROM told WHERE key = ?", (key,)).fetchone() is None:
                if not receiver.tell_at_last(alert):
                    break  # we are to stop; the broker still has it for us
                # Written down after it was told: a crash in between tells it twice, with the same key, and never not.
                told.execute("INSERT INTO told VALUES (?)", (key,))
        # In the order in which they came, as brokers want it. One of an earlier connection comes again by itself.
        if connection == receiver.connection:
            receiver.client.ack(message.mid, message.qos)
    receiver.client.disconnect()
    receiver.client.loop_stop()


class Receiver:
    """A subscription that the broker keeps while we are away. What comes goes into the inbox."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.inbox: queue.SimpleQueue[tuple[int, MQTTMessage] | None] = queue.SimpleQueue()
        self.stopping = threading.Event()
        self.connection = 0
        broker = urlsplit(options.mqtt)
        self.client = Client(
            CallbackAPIVersion.VERSION2, options.name, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        if broker.scheme == "mqtts":
            self.client.tls_set(options.ca)
        if broker.username:
            self.client.username_pw_set(unquote(broker.username), unquote(broker.password or ""))
        self.client.on_connect = self.on_connect
        self.client.on_connect_fail = lambda *_: print(
            f"no broker at {options.mqtt}: once more in a moment", flush=True
        )
        self.client.on_message = lambda _client, _data, message: self.inbox.put((self.connection, message))
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = KEPT_FOR_US_S
        host, port = broker.hostname or "127.0.0.1", broker.port or 1883
        self.client.connect_async(host, port, keepalive=30, clean_start=False, properties=session)
        self.client.loop_start()

    def on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.connection += 1
        if reason.is_failure:
            print(f"the broker does not let us in: {reason}", file=sys.stderr, flush=True)
        else:
            client.subscribe(f"sledwatch/v1/{self.options.gym}/alert", qos=1)
            print("listening", flush=True)

    def tell_at_last(self, alert: dict[str, Any]) -> bool:
        """Tell an alert, as often as it takes; whether it was told before we were to stop."""
        while not self.stopping.is_set():
            try:
                tell(alert, self.options.post)
            except OSError as error:
                print(f"not told ({error}): again in {self.options.again_s:g} s", file=sys.stderr, flush=True)
                self.stopping.wait(self.options.again_s)
            else:
                return True
        return False


if __name__ == "__main__":
    main()
