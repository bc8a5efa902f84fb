"""The settings: `SLEDWATCH_*` in the environment or in a `.env` file, overridden by the command line's flags."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sledwatch.address import BrokerAddress, tls_context
from sledwatch_app.errors import WrongUse

# Secrets, and what names itself without its secret.
_UNTOLD: Final = frozenset({"api_token", "influxdb_token", "mqtt_url"})

Port = Annotated[int, Field(ge=1, le=65_535)]


def _mqtt_url(url: str) -> str:
    BrokerAddress.parse(url)
    return url


def _mqtt_ca(path: Path) -> Path:
    tls_context(path)
    return path


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    _ = parts.port  # raises ValueError for a port that is none
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected http://HOST[:PORT] or https://…")
    return url.rstrip("/")


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("expected a name of the time zone database, such as Europe/Berlin") from None
    return name


MqttUrl = Annotated[str, AfterValidator(_mqtt_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


class InfluxSettings(BaseModel):
    """Where the series go when they go to InfluxDB; the first four are set. retention_days: 0 for ever."""

    url: str
    token: str
    org: str
    bucket: str
    retention_days: int
    gzip: bool


class Settings(BaseSettings):
    """Everything that can be set. Each field is `SLEDWATCH_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SLEDWATCH_", env_file=".env", extra="ignore", env_ignore_empty=True)

    data: Path = Field(Path("data"), description="directory of databases and token")
    mqtt_url: MqttUrl | None = Field(None, description="the broker; none: `sledwatch up` brings its own")
    mqtt_ca: Annotated[Path, AfterValidator(_mqtt_ca)] | None = Field(
        None, description="file of the CA that signed the broker's certificate; none: those that this system trusts"
    )
    mqtt_port: Port = Field(1883, description="port of the broker that `sledwatch up` brings")
    influxdb_url: HttpUrl | None = Field(
        None, description="series go to this InfluxDB 2; none: to SQLite in the data directory"
    )
    influxdb_token: str | None = Field(None, description="its token")
    influxdb_org: str | None = Field(None, description="its organisation")
    influxdb_bucket: str | None = Field(
        None, description="its bucket for samples; what is made of them goes to the one named BUCKET-derived"
    )
    influxdb_retention_days: int = Field(
        90, ge=0, le=36_500, description="days that a bucket for samples made by Sledwatch keeps them; 0: for ever"
    )
    influxdb_gzip: bool = Field(
        False, description="send a tenth of the bytes, for more CPU: for a link that is not local"
    )
    state_url: str | None = Field(None, description="the state DB's SQLAlchemy URL; none: SQLite in the data directory")
    http_host: str = Field("127.0.0.1", description="address that API and pages listen on")
    http_port: Port = Field(8080, description="port that API and pages listen on")
    api_token: str | None = Field(
        None, min_length=16, description="administrator's token; none: made and kept in the data directory"
    )
    url: HttpUrl = Field(
        "http://127.0.0.1:8080", description="where the API is, for commands that need a running system"
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "UTC", description="time zone of a gym seen for the first time"
    )
    ingest_group: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="share frames among ingest replicas of this group"
    )
    ingest_client_id: str = Field(
        "sledwatch-ingest",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="ingest's name at the broker, the same after a restart and its own in each replica",
    )
    metrics_port: Port | None = Field(None, description="port of ingest's Prometheus metrics; none: not served")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["console", "json"] = Field("console", description="one line for eyes, or JSON for collectors")

    @model_validator(mode="after")
    def _influx_is_whole(self) -> Self:
        given = {
            "SLEDWATCH_INFLUXDB_TOKEN": self.influxdb_token,
            "SLEDWATCH_INFLUXDB_ORG": self.influxdb_org,
            "SLEDWATCH_INFLUXDB_BUCKET": self.influxdb_bucket,
        }
        absent = [name for name, value in given.items() if not value]
        if self.influxdb_url and absent:
            raise ValueError(f"SLEDWATCH_INFLUXDB_URL is set, but not {', '.join(absent)}")
        return self

    @property
    def influx(self) -> InfluxSettings | None:
        """InfluxDB's settings, or None where the series go to SQLite."""
        if self.influxdb_url is None:
            return None
        return InfluxSettings(
            url=self.influxdb_url,
            token=self.influxdb_token or "",
            org=self.influxdb_org or "",
            bucket=self.influxdb_bucket or "",
            retention_days=self.influxdb_retention_days,
            gzip=self.influxdb_gzip,
        )

    @property
    def state_database(self) -> str:
        """The state DB's URL, given or in the data directory."""
        return self.state_url or f"sqlite:///{self.data.resolve() / 'state.db'}"


def load(**flags: object) -> Settings:
    """Read the settings; flags that are None leave the environment's word.

    Raises WrongUse with one line that names the setting and what it expects.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        place = f"SLEDWATCH_{first['loc'][0]!s}".upper() + ": " if first["loc"] else ""
        given = f" (given: {first['input']!r})" if first["loc"] and first["loc"][0] not in _UNTOLD else ""
        message = str(first["msg"]).removeprefix("Value error, ")
        raise WrongUse(f"{place}{message}{given}") from None
    except UnicodeDecodeError as error:
        raise WrongUse(f".env: no text in UTF-8 ({error.reason} at byte {error.start})") from None
