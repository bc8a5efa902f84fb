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
# One metric a message, with a field for each sample; Starlark makes a point of each. Copies that are not tracked would
# be acknowledged before they are written; and a copy of a metric with 50 fields costs far more than one with a field.
_FRAMES: Final = """\
  data_format = "json"
  json_name_key = ""
  tag_keys = ["boot"]
  json_string_fields = ["session"]
  json_time_key = "t_us"
  json_time_format = "unix_us"

  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "+/+/+/+/+"
    tags = "_/_/gym/machine/_"

[[processors.starlark]]
  source = '''
load("time.star", "time")
KEYS = ["depth_mm_%d" % i for i in range(1000)]

def apply(metric):
    values = dict(metric.fields.items())
    begin = metric.time
    step = int(values["dt_us"]) * 1000
    metric.fields.clear()
    metric.name = "sample"
    points = []
    n = 0
    for key in KEYS:
        depth = values.get(key)
        if depth == None:
            break
        point = deepcopy(metric, track=True)
        point.fields["depth_mm"] = depth
        point.time = begin + n * step
        points.append(point)
        n += 1
    metric.name = "frame"
    metric.fields["dt_us"] = int(values["dt_us"])
    metric.fields["load_kg"] = values["load_kg"]
    metric.fields["n"] = n
    metric.fields["received"] = time.now().unix_nano // 1000
    metric.fields["seq"] = int(values["seq"])
    metric.fields["session"] = values["session"]
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
