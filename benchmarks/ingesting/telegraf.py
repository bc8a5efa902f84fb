"""Telegraf as the peer: our configuration of it, for our frames and for ready-made line protocol.

It is given what made it quickest here: identity encoding, batches of 20 000 points, two writes at a time, the newer
parser of line protocol, no window of the broker's. Undelivered messages are bounded by 1 000, and its buffer holds all
of their points with room to spare: what does not fit there it drops.
"""

from pathlib import Path
from typing import Final, Literal

from paho.mqtt.enums import MQTTProtocolVersion

from ingesting.consumers import Session
from ingesting.floor import LINES_TOPIC, SAMPLES
from ingesting.servers import Influx
from sledwatch_storage.series.line_protocol import PRECISION

Form = Literal["frames", "lines"]
FORMS: Final[tuple[Form, ...]] = ("frames", "lines")

_TOPICS: Final[dict[Form, str]] = {"frames": "sledwatch/v1/+/+/frame", "lines": f"{LINES_TOPIC}/+"}
_UNDELIVERED: Final = 1_000
_AGENT: Final = """\
[agent]
  interval = "10s"
  flush_interval = "200ms"
  metric_batch_size = 20000
  metric_buffer_limit = {buffer}
  omit_hostname = true
  quiet = true

[[outputs.influxdb_v2]]
  urls = ["{url}"]
  token = "{token}"
  organization = "{org}"
  bucket = "{bucket}"
  content_encoding = "identity"
  concurrent_writes = 2
  timeout = "30s"

[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["{topic}"]
  topic_tag = ""
  qos = 1
  client_id = "{client_id}"
  persistent_session = true
  max_undelivered_messages = {undelivered}
"""
_LINES: Final = """\
  data_format = "influx"
  influx_parser_type = "upstream"
  influx_timestamp_precision = "1{precision}"
"""
# Starlark makes a point of each sample. Copies that are not tracked would be acknowledged before they are written. The
# parser hands the payload on as it is: to have Telegraf's JSON parser take it apart costs more, and XPath four times as
# much in all.
_FRAMES: Final = """\
  data_format = "value"
  data_type = "string"

  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "+/+/+/+/+"
    tags = "_/_/gym/machine/_"

[[processors.starlark]]
  source = '''
load("json.star", "json")
load("time.star", "time")

def apply(metric):
    frame = json.decode(metric.fields["value"])
    depths = frame["depth_mm"]
    begin = frame["t_us"] * 1000
    step = frame["dt_us"] * 1000
    metric.name = "sample"
    metric.tags["boot"] = frame["boot"]
    metric.fields.clear()
    points = []
    at = begin
    for depth in depths:
        if depth != None:
            point = deepcopy(metric, track=True)
            point.fields["depth_mm"] = float(depth)
            point.time = at
            points.append(point)
        at += step
    metric.name = "frame"
    metric.time = begin
    fields = metric.fields
    fields["dt_us"] = frame["dt_us"]
    fields["load_kg"] = float(frame["load_kg"])
    fields["n"] = len(depths)
    fields["received"] = time.now().unix_nano // 1000
    fields["seq"] = frame["seq"]
    fields["session"] = frame["session"]
    points.append(metric)
    return points
'''
"""


def session(form: Form) -> Session:
    """How the broker knows it."""
    return Session("bench-telegraf", (_TOPICS[form],), MQTTProtocolVersion.MQTTv311)


def configure(form: Form, directory: Path, port: int, influx: Influx, bucket: str) -> Path:
    """Write its configuration, and return the path."""
    # A message is 51 points: what is undelivered fits nearly twice.
    buffer = _UNDELIVERED * (SAMPLES + 1) * 2
    text = _AGENT.format(
        buffer=buffer,
        url=influx.url,
        token=influx.token,
        org=influx.org,
        bucket=bucket,
        port=port,
        topic=_TOPICS[form],
        client_id=session(form).client_id,
        undelivered=_UNDELIVERED,
    )
    path = directory / "telegraf.conf"
    path.write_text(text + (_LINES.format(precision=PRECISION) if form == "lines" else _FRAMES))
    return path
