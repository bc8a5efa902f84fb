"""The tables of the state DB. `sledwatch migrate` alone creates and alters them, by the migrations beside this file.

Ingest writes gym, machine, machine_event, ledger, session_log, quarantine, quarantine_tally and its heartbeat;
analytics writes all else, and in those tables only what their comments name. Times are integer microseconds since the
epoch, UTC. JSON columns hold what is read whole or not at all.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up by itself only for INTEGER PRIMARY KEY; PostgreSQL wants a BIGINT.
RowId = BigInteger().with_variant(Integer, "sqlite")
# A Python None is stored as SQL NULL, not as the JSON text `null`.
Json = JSON(none_as_null=True)

# A gym appears at the first sight of one of its machines; its time zone says what a day is.
gym = Table(
    "gym",
    metadata,
    Column("gym", String(64), primary_key=True),
    Column("name", String(200)),
    Column("time_zone", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

# The latest State of each machine, whole, and when anything was last heard of it.
machine = Table(
    "machine",
    metadata,
    Column("gym", String(64), primary_key=True),
    Column("machine", String(64), primary_key=True),
    Column("boot", String(64)),
    Column("status", String(16)),  # online | offline; none before the first State
    Column("online", Json),  # the last birth certificate (events.Online), kept when the machine goes offline
    Column("status_us", BigInteger),
    Column("seen_us", BigInteger, nullable=False),
)

HAS_HOLES: Final = "missing > 0"
# Numbers that are in no figure: still to come, lost for good, or in quarantine.
HAS_GAPS: Final = "(missing > 0 OR lost > 0 OR refused > 0)"

# What has become of each boot's numbers, as merged ranges of seq with both ends included, and the machine's account.
# Stored and refused are kept apart, so that a message refused once and accepted later (replayed after a fix) is news,
# not a repeat. Settled is what is stored, refused, or below oldest_seq: `ledger.settled` puts the three together.
ledger = Table(
    "ledger",
    metadata,
    Column("gym", String(64), primary_key=True),
    Column("machine", String(64), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("ranges", Json, nullable=False),  # stored: [[from, to], …]
    Column("refused_ranges", Json, nullable=False),  # in quarantine: [[from, to], …]
    Column("oldest_seq", BigInteger, nullable=False, default=0),  # what is missing below it is lost for good
    Column("online_us", BigInteger),  # when its first State arrived; a boot with one that is not the machine's is over
    Column("received", BigInteger, nullable=False, default=0),
    Column("repeated", BigInteger, nullable=False, default=0),
    Column("refused", BigInteger, nullable=False, default=0),
    Column("disordered", BigInteger, nullable=False, default=0),
    Column("out_of_range", BigInteger, nullable=False, default=0),
    Column("stored", BigInteger, nullable=False, server_default="0"),  # numbers in `ranges`
    Column("missing", BigInteger, nullable=False, server_default="0"),  # numbers that may still come
    Column("lost", BigInteger, nullable=False, server_default="0"),  # below oldest_seq, and neither stored nor refused
    Column("clock", Json),  # how far the machine's clock is from ours, and what that estimate rests on: `clocks`
    Column("updated_us", BigInteger, nullable=False),
    Index("ix_ledger_holes", "gym", "machine", sqlite_where=text(HAS_HOLES), postgresql_where=text(HAS_HOLES)),
    Index("ix_ledger_gaps", "gym", "machine", sqlite_where=text(HAS_GAPS), postgresql_where=text(HAS_GAPS)),
    Index(None, "boot"),  # a batch names up to 64 boots of as many machines; by boot each is found at once
)

# What ingest knows of a session: its own events and how far its frames have come. `version` rises with every arrival.
session_log = Table(
    "session_log",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("gym", String(64), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("boot", String(64), nullable=False),
    Column("user", String(64)),  # none until its start arrives
    Column("start_seq", BigInteger),
    Column("start_us", BigInteger),
    Column("setups", Json, nullable=False),  # [[t_us, setup], …] by time, the start's first
    Column("end_seq", BigInteger),
    Column("end_us", BigInteger),
    Column("end_reason", String(16)),
    Column("ended_arrival_us", BigInteger),  # when its end arrived, wall clock
    Column("first_us", BigInteger),  # time of its earliest frame
    Column("last_us", BigInteger),  # time of its latest frame's end
    Column("arrival_us", BigInteger, nullable=False),  # when anything of it last arrived, wall clock
    Column("version", BigInteger, nullable=False, default=1),
    Index(None, "gym", "machine", "boot"),
    Index(None, "arrival_us"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("received_us", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("gym", String(64)),
    Column("machine", String(64)),
    Column("boot", String(64)),
    Column("seq", BigInteger),
    Column("digest", String(64), nullable=False),  # SHA-256 of topic and payload: a message sent again is kept once
    Column("count", Integer, nullable=False, default=1),
    Column("size", Integer, nullable=False, server_default="0"),  # bytes of the payload as it came, kept or not
    Column("replay_asked_us", BigInteger),  # when somebody asked to try it again (by analytics); none once it was tried
    Column("replayed_us", BigInteger),  # when ingest took it after all: it is stored
    Column("tries", Integer, nullable=False, server_default="0"),  # how often it was tried again
    UniqueConstraint("digest"),
    Index(None, "replay_asked_us"),
    Index(None, "replayed_us"),
)

# What is in quarantine and what has gone through it, by gym (empty where none could be read) and reason.
quarantine_tally = Table(
    "quarantine_tally",
    metadata,
    Column("gym", String(64), primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("refused", BigInteger, nullable=False),  # as often as such a message came, kept or long gone
    Column("held", BigInteger, nullable=False),  # rows of `quarantine` now, those that were replayed included …
    Column("held_bytes", BigInteger, nullable=False),  # … and the bytes of their payloads as kept
    Column("replayed", BigInteger, nullable=False),  # taken after all
    Column("expired", BigInteger, nullable=False),  # that went because of their age, and nobody had replayed them
    Column("dropped", BigInteger, nullable=False),  # that went for want of room, and nobody had replayed them
    Column("dropped_us", BigInteger),  # when the last of those went
)

# What befell a machine: it came online, went offline, started anew, lost numbers for good. Analytics sets `copied`.
machine_event = Table(
    "machine_event",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("gym", String(64), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("boot", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # online | offline | gap
    Column("at_us", BigInteger, nullable=False),
    Column("detail", Json),
    Column("copied", Boolean, nullable=False),  # it is in the series store's derived series, where there are any
    Index(None, "gym", "machine", "id"),
    Index(None, "copied"),
)

# Signs of life of the parts, each written by its part every few seconds.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("part", String(64), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("detail", Json, nullable=False),
)

member = Table(
    "member",
    metadata,
    Column("user", String(64), primary_key=True),
    Column("name", String(200)),
    Column("height_mm", Float),
    Column("sex", String(16)),  # male | female
    Column("first_seen_us", BigInteger, nullable=False),
)

# A member's calibrated limits. notch or foot_row -1: holds for every one that has no limit of its own.
depth_limit = Table(
    "depth_limit",
    metadata,
    Column("user", String(64), primary_key=True),
    Column("gym", String(64), primary_key=True),
    Column("machine", String(64), primary_key=True),
    Column("notch", Integer, primary_key=True),
    Column("foot_row", Integer, primary_key=True),
    Column("limit_mm", Float, nullable=False),
    Column("from_rep", Json),  # {"session", "set", "rep"} where the trainer pointed at one
    Column("set_by", String(64), nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("how", String(16), nullable=False, server_default="figure"),  # figure | rep | calibration
    Column("setup", Json),  # how the machine was set when the limit was found, none for a bare figure
    Column("session", String(64)),  # in which it was found
    Column("visit_reps", Integer),  # of a calibration visit: the session's reps up to then, which sought the point
    Column("note", Text),
)

# Every change of a limit, for ever: what was set, and what was taken away.
limit_change = Table(
    "limit_change",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("user", String(64), nullable=False),
    Column("gym", String(64), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("notch", Integer, nullable=False),
    Column("foot_row", Integer, nullable=False),
    Column("change", String(8), nullable=False),  # set | deleted
    Column("limit_mm", Float, nullable=False),  # as set; of a deletion: what was taken away
    Column("how", String(16), nullable=False),
    Column("from_rep", Json),
    Column("setup", Json),
    Column("session", String(64)),
    Column("note", Text),
    Column("changed_by", String(64), nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "user", "gym", "machine", "id"),
)

# Calibration visits under way: a trainer watches the sled of a member's present session, and confirms the point.
calibration = Table(
    "calibration",
    metadata,
    Column("user", String(64), primary_key=True),
    Column("gym", String(64), primary_key=True),
    Column("machine", String(64), primary_key=True),
    Column("begun_by", String(64), nullable=False),
    Column("begun_us", BigInteger, nullable=False),
    Column("session", String(64)),  # in which they were then, none for nobody badged in …
    Column("reps_before", Integer, nullable=False),  # … and its reps so far, which do not count
    Column("empty_kg", Float),  # the lightest load that was ever lifted on the machine: the sled alone, as far as known
)

# Clinicians' protocols, all versions; at most one of a member has not ended.
protocol = Table(
    "protocol",
    metadata,
    Column("user", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),  # counts up with every change
    Column("windows", Json, nullable=False),  # [{"quantity", "least", "most", "gym", "machine"}, …]
    Column("load_cap_kg", Float),
    Column("expires_us", BigInteger, nullable=False),
    Column("clinician", String(200)),
    Column("note", Text),
    Column("set_by", String(64), nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("ended_by", String(64)),  # who replaced it or took it away
    Column("ended_us", BigInteger),
)

# Of a session: it was closed, or imported, after it was last copied. Not by its state, whose own index finds far more.
NOT_COPIED: Final = "reps IS NOT NULL AND (copied_version IS NULL OR copied_version < closed_version)"

IS_WANTED: Final = "wanted_us IS NOT NULL"
HAS_MISSING: Final = "judged_missing IS NOT NULL"
IS_SPLIT: Final = "split_of IS NOT NULL"

# A session as analytics sees it: one row from its start on, replaced by each closing.
session = Table(
    "session",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("gym", String(64), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("user", String(64), nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger),
    Column("state", String(8), nullable=False),  # live | closed | void (what was discarded of another session)
    Column("source", String(8), nullable=False),  # samples | import
    Column("split_of", String(64)),  # the session whose badge somebody else used, where this holds what they did
    Column("setup", Json),
    Column("closed_version", BigInteger),  # session_log.version that the last closing has seen
    Column("limit_mm", Float),  # as it stood at the first closing, kept by later ones
    Column("limit_tier", String(16)),
    Column("limit_version", Integer),
    Column(
        "frozen", Json
    ),  # limits by setup, protocol and rules, as the first closing found them; later ones keep them
    Column("work_j", Float),
    Column("tonnage_kg", Float),
    Column("top_load_kg", Float),
    Column("reps", Integer),
    Column("hard_sets", Integer),
    Column("wanted_us", BigInteger),  # when another closing was asked for, though no message has arrived since
    Column("strength", Json),  # e1RM on the machine, of the 90 days before and the session: sledwatch.strength.Strength
    Column("friction_n", Float),  # of the machine, where its footplate measures forces
    Column("judged_missing", Json),  # local days missing when its workload was judged, ISO 8601; none where none was
    Column("copied_version", BigInteger),  # closed_version (0: imported) that is copied to the derived series
    Index(None, "user", "start_us"),
    Index(None, "gym", "machine", "start_us"),
    Index(None, "state"),
    Index("ix_session_wanted", "wanted_us", sqlite_where=text(IS_WANTED), postgresql_where=text(IS_WANTED)),
    Index("ix_session_missing", "start_us", sqlite_where=text(HAS_MISSING), postgresql_where=text(HAS_MISSING)),
    Index("ix_session_split_of", "split_of", sqlite_where=text(IS_SPLIT), postgresql_where=text(IS_SPLIT)),
    Index("ix_session_not_copied", "start_us", sqlite_where=text(NOT_COPIED), postgresql_where=text(NOT_COPIED)),
)

rep = Table(
    "rep",
    metadata,
    Column("session", String(64), ForeignKey("session.session", ondelete="CASCADE"), primary_key=True),
    Column("rep", Integer, primary_key=True),  # counted through the session, from 1
    Column("set", Integer, nullable=False),
    Column("user", String(64), nullable=False),
    Column("gym", String(64), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("t_start_us", BigInteger, nullable=False),
    Column("t_turn_us", BigInteger, nullable=False),
    Column("t_end_us", BigInteger, nullable=False),
    Column("load_kg", Float, nullable=False),
    Column("depth_mm", Float, nullable=False),
    Column("rom_mm", Float, nullable=False),
    Column("eccentric_s", Float, nullable=False),
    Column("concentric_s", Float, nullable=False),
    Column("bottom_dwell_s", Float),
    Column("mean_velocity_m_s", Float),
    Column("mean_propulsive_velocity_m_s", Float),
    Column("peak_velocity_m_s", Float),
    Column("work_j", Float),
    Column("velocity_loss_pct", Float),
    Column("knee_deg", Float),
    Column("hip_deg", Float),
    Column("limit_mm", Float),
    Column("over_mm", Float),
    Column("limit_tier", String(16)),
    Column("quality", String(8), nullable=False),
    Column("quality_reason", String(64)),
    Column("propulsive_s", Float),
    Column("eccentric_peak_velocity_m_s", Float),
    Column("turn_deceleration_m_s2", Float),
    Column("lockout_velocity_m_s", Float),
    Column("left_n", Float),
    Column("right_n", Float),
    Column("asymmetry_pct", Float),
    Index(None, "user", "machine", "t_turn_us"),
)

# What staff said of a set: somebody else did it, or it is to count for nobody. By time, not by the set's number, which
# late frames may change.
set_correction = Table(
    "set_correction",
    metadata,
    Column("session", String(64), ForeignKey("session.session", ondelete="CASCADE"), primary_key=True),
    Column("from_us", BigInteger, primary_key=True),  # first start of its reps
    Column("until_us", BigInteger, nullable=False),  # last end of its reps
    Column("user", String(64)),  # who did it; none: discarded
    Column("corrected_by", String(64), nullable=False),
    Column("corrected_us", BigInteger, nullable=False),
)

# One row a member and local day with sessions; rest days are implied, missing days are marked.
daily_load = Table(
    "daily_load",
    metadata,
    Column("user", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("work_j", Float, nullable=False),
    Column("tonnage_kg", Float, nullable=False),
    Column("top_load_kg", Float, nullable=False),
    Column("sessions", Integer, nullable=False),
    Column("hard_sets", Integer, nullable=False),
    Column("missing", Boolean, nullable=False, default=False),  # as it was known when a session was last judged by it
    Column("over_reps", Integer, nullable=False, server_default="0"),  # sure reps beyond a calibrated limit …
    Column("exposure_kg_mm", Float, nullable=False, server_default="0"),  # … and the sum of load × mm beyond
)

# The last local day of each gym for which analytics has looked what time alone has changed.
gym_day = Table(
    "gym_day",
    metadata,
    Column("gym", String(64), primary_key=True),
    Column("day", Date, nullable=False),
    Column("done_us", BigInteger, nullable=False),
)

# What each session's samples said of the machine's sensors. It is about the machine: no member is in it.
sensor_reading = Table(
    "sensor_reading",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("gym", String(64), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("reading", Json, nullable=False),  # sledwatch.sensors.SensorReading
    Index(None, "gym", "machine", "start_us"),
)

# How a machine's sensors stand after its newest session.
machine_sensors = Table(
    "machine_sensors",
    metadata,
    Column("gym", String(64), primary_key=True),
    Column("machine", String(64), primary_key=True),
    Column("doubt", String(64)),  # the rule that makes its depths doubtful; none while they count
    Column("since_us", BigInteger),  # from when on they are doubtful
    Column("judged_us", BigInteger, nullable=False),  # start of the newest session that was looked at
    Column("rack_mm", Float),  # where the sled rested at the rack, in the last session that said it …
    Column("reference_mm", Float),  # … and in the machine's first ones
    Column("troubles", Json, nullable=False),  # what is wrong: [{rule, severity, since_us, value, title, …}, …]
    Column("settled", Json, nullable=False),  # {rule: [µs, …]}: when staff said that it is put right
)

finding = Table(
    "finding",
    metadata,
    Column("id", String(32), primary_key=True),  # derived from what it is about: a second closing finds the same
    Column("session", String(64)),
    Column("gym", String(64), nullable=False),
    Column("machine", String(64)),
    Column("user", String(64)),
    Column("rule", String(64), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("set", Integer),
    Column("count", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("limit_tier", String(16)),
    Index(None, "session"),
    Index(None, "user", "at_us"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", String(32), primary_key=True),  # derived from the matter: the same matter raises the same alert
    Column("gym", String(64), nullable=False),
    Column("user", String(64)),
    Column("machine", String(64)),
    Column("session", String(64)),
    Column("rule", String(64), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("provisional", Boolean, nullable=False),  # raised live, not yet confirmed by a closing
    Column("count", Integer, nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("limit_tier", String(16)),
    Column("changed_by", String(64)),
    Column("changed_us", BigInteger),
    Index(None, "state", "last_us"),
    Index(None, "user"),
    Index(None, "session"),
)

alert_comment = Table(
    "alert_comment",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("alert", String(32), ForeignKey("alert.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("author", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)

# What members said of how they feel, on a session or on none.
note = Table(
    "note",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("user", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # back-pain
    Column("at_us", BigInteger, nullable=False),  # when it was felt
    Column("session", String(64)),
    Column("gym", String(64)),  # whose staff it is for: where the session was, or the latest one before it was noted
    Column("machine", String(64)),
    Column("text", Text),
    Column("matter", String(32), nullable=False),  # the id of the finding and of the alert that it counts on
    Column("noted_by", String(64), nullable=False),
    Column("noted_us", BigInteger, nullable=False),
    Column("taken_back_by", String(64)),  # none: it stands
    Column("taken_back_us", BigInteger),
    Index(None, "user", "at_us"),
    Index(None, "session"),
)

# Changed values of the rules of overuse, all versions: of an organisation, a gym or a member the newest one holds.
rule_setting = Table(
    "rule_setting",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),  # counts up over all of them
    Column("gym", String(64)),  # none: it is no gym's …
    Column("user", String(64)),  # … and no member's: the organisation's, where both are none
    Column("changed", Json, nullable=False),  # sledwatch.rules: {name: value}; empty where all were taken back
    Column("note", Text),
    Column("set_by", String(64), nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Index(None, "user", "gym", "version"),
)

# What is to be told to the world, written in the transaction that made it true; a sender takes it from here.
outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("key", String(96), nullable=False),  # idempotency key: alert id and severity
    Column("alert", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("payload", Json, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("sent_us", BigInteger),
    UniqueConstraint("key", "channel"),
)

# Sign-in links (used once) and browser sessions; only digests are kept.
sign_in = Table(
    "sign_in",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),  # link | cookie
    Column("subject", String(64), nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
)
