"""Every setting of the platform, with its meaning. `pulsemesh-server settings` prints this table."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ENVIRONMENT_PREFIX = "PULSEMESH_"
NESTED_DELIMITER = "__"
IN_PROCESS = "in-process"


def split_address(address: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:50051" or "[::1]:50051".

    Raises:
        ValueError: it is neither.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError("must be <host>:<port>, as in 127.0.0.1:50051")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """True for an address that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(value: str) -> str:
    split_address(value)
    return value


def _store_url(value: str) -> str:
    if value != "memory://" and not value.startswith(("redis://", "rediss://")):
        raise ValueError("must be memory:// or a redis:// URL")
    return value


def _networks(value: str) -> str:
    for word in value.split(","):
        if word.strip():
            ipaddress.ip_network(word.strip())
    return value


Address = Annotated[str, AfterValidator(_address)]
Networks = Annotated[str, AfterValidator(_networks)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]


def _shown(default: str) -> Any:
    """How the documentation writes a default that depends on other settings."""
    return {"shown_default": default}


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Group):
    """The gRPC server."""

    listen: Address = Field(
        default="127.0.0.1:50051", description="Address and port of the gRPC server; port 0 takes a free one."
    )
    workers: PositiveInt = Field(
        default=1, description="Processes that share the port. More than one needs PostgreSQL and Redis."
    )
    health_listen: Address | None = Field(
        default=None,
        description="Address and port that answer gRPC health checks without TLS, and nothing else; for "
        "probes that speak no TLS. Absent: none.",
    )
    max_message_bytes: PositiveInt = Field(
        default=16 * 1024 * 1024, description="Largest message that is taken or sent."
    )
    max_pending_requests: PositiveInt = Field(
        default=100_000,
        description="Calls waiting to be started above which new ones may be refused; 1,000, as gRPC has it, "
        "does not survive many clients that reconnect at once. The hard limit is twice this.",
    )
    keepalive_interval_s: PositiveFloat = Field(
        default=30.0, description="Seconds between pings to a silent client."
    )
    keepalive_timeout_s: PositiveFloat = Field(
        default=10.0, description="Seconds to wait for the answer to a ping before the connection is dropped."
    )
    minimum_ping_interval_s: PositiveFloat = Field(
        default=5.0, description="Clients that ping more often than this are disconnected."
    )
    drain_delay_s: float = Field(
        default=0.0,
        ge=0,
        description="Seconds between saying NOT_SERVING and refusing calls, for load balancers to notice.",
    )
    stream_notice_s: float = Field(
        default=2.0, ge=0, description="Seconds that streams are given to end by themselves when draining."
    )
    drain_grace_s: float = Field(
        default=20.0, ge=0, description="Seconds that calls are given to end when draining."
    )
    trusted_proxies: Networks = Field(
        default="127.0.0.0/8,::1/128",
        description="Networks of gateways, separated by commas, whose x-forwarded-for says from where a call "
        "came; empty: nobody's.",
    )
    reflection: bool = Field(
        default=True, description="Answer questions about the contracts (gRPC reflection)."
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file of the server's certificate chain; absent: no TLS."
    )
    tls_key: Path | None = Field(default=None, description="PEM file of the certificate's private key.")
    tls_client_ca: Path | None = Field(
        default=None,
        description="PEM file of the authority whose certificates clients must show; absent: none.",
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        return self


class DatabaseSettings(_Group):
    """Where services keep their data."""

    url: str | None = Field(
        default=None,
        description="sqlite:///<directory> (a file per service) or postgresql://… (a schema each).",
        json_schema_extra=_shown("sqlite:///<data_dir>"),
    )
    pool_size: PositiveInt = Field(
        default=8, description="Most connections to PostgreSQL, per service and process."
    )
    readers: PositiveInt = Field(default=4, description="Simultaneous readers of an SQLite file.")
    migrate_on_start: bool | None = Field(
        default=None,
        description="Apply missing migrations to PostgreSQL when starting; otherwise a server lacking some "
        "refuses to start, and `pulsemesh-server migrate` applies them. SQLite is always migrated.",
        json_schema_extra=_shown("true in development"),
    )


class BusSettings(_Group):
    """The event bus."""

    url: StoreUrl = Field(
        default="memory://", description="memory:// (in-process) or redis://… (Redis Streams)."
    )
    partitions: PositiveInt = Field(
        default=8,
        description="Streams over which events are spread by person; never change it.",
    )
    retention_s: PositiveFloat = Field(
        default=7 * 86_400.0,
        description="Seconds for which Redis Streams keep events for replays once every consumer has settled "
        "them. Inboxes remember twice as long.",
    )


class StoreSettings(_Group):
    """Where short-lived shared values live: limits, cached answers, live numbers."""

    limits_url: StoreUrl = Field(default="memory://", description="Counters of rate limits.")
    cache_url: StoreUrl = Field(default="memory://", description="Cached answers.")
    live_url: StoreUrl = Field(default="memory://", description="Live numbers on their way to watchers.")


class AuthSettings(_Group):
    """Who is believed."""

    development_issuer: bool | None = Field(
        default=None,
        description="Make keys in the data directory and give tokens to whoever asks from this machine.",
        json_schema_extra=_shown("true in development"),
    )
    issuer: str | None = Field(
        default=None,
        description="The issuer that tokens must name.",
        json_schema_extra=_shown("pulsemesh-<cell>"),
    )
    jwks_file: Path | None = Field(
        default=None,
        description="Key set by which tokens are proved, as a file.",
        json_schema_extra=_shown("asked of the auth service"),
    )
    jwks_url: str | None = Field(
        default=None, description="Key set by which tokens are proved, as an https address."
    )
    leeway_s: int = Field(
        default=30, ge=0, le=300, description="Seconds by which the issuer's clock may differ from ours."
    )
    http_listen: Address | None = Field(
        default=None,
        description="Address and port of the auth service's HTTP pages and OAuth 2 endpoints; absent: none.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+$",
        description="Where browsers and programs reach them, as https://<host>: the issuer of OAuth 2.",
        json_schema_extra=_shown("http://<http_listen>"),
    )
    revocations_stale_s: PositiveFloat = Field(
        default=300.0,
        description="Seconds without news of revoked tokens after which only younger tokens are believed.",
    )
    service_token_file: Path | None = Field(
        default=None,
        description="File of the token with which this process calls others; read again when it changes.",
        json_schema_extra=_shown("made by the development issuer"),
    )

    delegation: Literal["exchange", "header"] | None = Field(
        default=None,
        description="How a service that calls another process says for whom. exchange: by a short token that "
        "the auth service gives for that person, domain and scope; header: by naming the person, which is "
        "believed in development alone.",
        json_schema_extra=_shown("header in development, exchange in production"),
    )


class ConsentSettings(_Group):
    """Who is asked what people allow."""

    gate: Literal["service", "development", "closed"] | None = Field(
        default=None,
        description="service: the consent service is asked; development: everything is allowed; closed: "
        "nothing that needs a consent is.",
        json_schema_extra=_shown("development in development, service in production"),
    )


class AuditSettings(_Group):
    """Where audited acts are kept."""

    to: Literal["file", "log"] = Field(
        default="file", description="file: hash-chained and signed, in audit.directory; log: among the logs."
    )
    directory: Path | None = Field(
        default=None,
        description="Folder of the audit chains and of the checkpoints that are signed of them.",
        json_schema_extra=_shown("<data_dir>/audit"),
    )
    key_file: Path | None = Field(
        default=None,
        description="PEM file of the Ed25519 key that signs checkpoints; made when there is none.",
        json_schema_extra=_shown("signing_key.pem in audit.directory"),
    )
    checkpoint_every_s: PositiveFloat = Field(
        default=10.0, description="Seconds between checkpoints, if anything was audited meanwhile."
    )


class TelemetrySettings(_Group):
    """What operators see."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is logged; debug logs every call."
    )
    log_style: Literal["json", "console"] = Field(
        default="console", description="json: one object a line; console: columns for people."
    )
    metrics_listen: Address | None = Field(
        default=None,
        description="Loopback address and port of the Prometheus page; absent: none. Worker n: port + n.",
    )

    @model_validator(mode="after")
    def _metrics_stay_here(self) -> Self:
        if self.metrics_listen is not None and not is_loopback(split_address(self.metrics_listen)[0]):
            raise ValueError("metrics_listen must be a loopback address: the page has no access control")
        return self


class Settings(BaseSettings):
    """All settings of one process. Frozen: what depends on them was built from them."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter=NESTED_DELIMITER, extra="ignore", frozen=True
    )

    mode: Literal["development", "production"] = Field(
        default="development", description="production refuses everything that trusts whoever asks."
    )
    cell: str = Field(
        default="eu",
        pattern=r"^[a-z][a-z0-9]{0,15}$",
        description="The cell that this deployment is; ids of its people begin with it.",
    )
    data_dir: Path = Field(default=Path(".data"), description="Where embedded files live.")
    server: ServerSettings = Field(default_factory=ServerSettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    bus: BusSettings = Field(default_factory=BusSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    consent: ConsentSettings = Field(default_factory=ConsentSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    channels: dict[str, str] = Field(
        default_factory=dict,
        description='Where other domains are served, as JSON: {"auth": "auth.internal:50051"}. A domain that '
        "this process serves is called in-process unless it is named here.",
    )
    channels_ca: Path | None = Field(
        default=None, description="PEM file of the authority of the other services' TLS; absent: no TLS."
    )
    channels_certificate: Path | None = Field(
        default=None,
        description="PEM file of the certificate chain that this process shows to other services.",
    )
    channels_key: Path | None = Field(default=None, description="PEM file of that certificate's private key.")

    @model_validator(mode="after")
    def _production_trusts_nobody(self) -> Self:
        if self.mode == "production":
            if self.auth.development_issuer:
                raise ValueError("auth.development_issuer gives tokens to whoever asks: not in production")
            if self.auth.delegation == "header":
                raise ValueError("auth.delegation=header lets a service act for anybody: not in production")
            if self.consent.gate == "development":
                raise ValueError("consent.gate=development allows everything: not in production")
            if self.auth.http_listen is not None and not (self.auth.public_url or "").startswith("https://"):
                raise ValueError("auth.http_listen needs auth.public_url, over https, in production")
        if self.auth.jwks_file is not None and self.auth.jwks_url is not None:
            raise ValueError("auth.jwks_file and auth.jwks_url exclude each other")
        return self

    @model_validator(mode="after")
    def _channel_certificate_is_whole(self) -> Self:
        if (self.channels_certificate is None) != (self.channels_key is None):
            raise ValueError("channels_certificate and channels_key go together")
        if self.channels_certificate is not None and self.channels_ca is None:
            raise ValueError("channels_certificate needs channels_ca")
        return self

    @model_validator(mode="after")
    def _workers_share_stores(self) -> Self:
        if self.server.workers > 1:
            if not self.database_url.startswith("postgresql"):
                raise ValueError(
                    "server.workers needs database.url=postgresql://…: an SQLite file has one process"
                )
            if any(url == "memory://" for url in (self.bus.url, self.store.live_url)):
                raise ValueError(
                    "server.workers needs bus.url and store.live_url on redis://…: memory is not shared"
                )
        return self

    @property
    def development(self) -> bool:
        """True on machines where trusting everybody is harmless."""
        return self.mode == "development"

    @property
    def database_url(self) -> str:
        """The database that was named, else SQLite files in the data directory."""
        return self.database.url or f"sqlite:///{self.data_dir.absolute()}"

    @property
    def migrates_on_start(self) -> bool:
        """Whether a starting server changes the schemas of PostgreSQL."""
        chosen = self.database.migrate_on_start
        return self.development if chosen is None else chosen

    @property
    def issues_development_tokens(self) -> bool:
        """Whether the development issuer is on."""
        if self.auth.development_issuer is None:
            return self.development and self.auth.jwks_file is None and self.auth.jwks_url is None
        return self.auth.development_issuer

    @property
    def issuer(self) -> str:
        """The issuer that tokens must name."""
        return self.auth.issuer or f"pulsemesh-{self.cell}"

    @property
    def delegation(self) -> Literal["exchange", "header"]:
        """How a service says for whom it calls another process."""
        return self.auth.delegation or ("header" if self.development else "exchange")

    @property
    def audit_directory(self) -> Path:
        """Where the audit chains are."""
        return self.audit.directory or self.data_dir / "audit"

    @property
    def consent_gate(self) -> Literal["service", "development", "closed"]:
        """Who is asked for consents."""
        return self.consent.gate or ("development" if self.development else "service")
