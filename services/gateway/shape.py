"""What a gateway's configuration depends on beside the contracts: addresses, names, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.chassis.settings.model import split_address

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by name or number, and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read "127.0.0.1:50051" or "[::1]:50051".

        Raises:
            ValueError: it is neither.
        """
        return cls(*split_address(text))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """How the gateway and the services prove themselves to each other.

    Attributes:
        authority: PEM file of the authority of the services' certificates.
        certificate, key: PEM files of the gateway's own, where the services ask for one; else empty.
    """

    authority: str
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class KeySetFile:
    """The key set that proves tokens lies in a file."""

    path: str


@dataclass(frozen=True, slots=True)
class KeySetAddress:
    """The key set that proves tokens is fetched, and fetched again while it may rotate."""

    address: Address
    path: str = "/.well-known/jwks.json"
    host: str = ""
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one client, and all clients together, may take of the gateway.

    Attributes:
        connections: at once.
        streams: at once on one connection.
        header_bytes, headers: of one request.
        transcoded_bytes: of the body of a REST call that are held at a time; how large a message may be, the
            services say.
        counted_callers: callers whose limits one method remembers. Beyond it the one counted longest ago is
            forgotten, so that its limit would begin anew: more than can be active within a limit's period.
        page_calls_per_minute: of one address, for the pages of sign-in; their own limits are finer.
    """

    connections: int = 10_000
    streams: int = 1_000
    header_bytes: int = 24 * 1024
    headers: int = 64
    transcoded_bytes: int = 1024 * 1024
    counted_callers: int = 50_000
    page_calls_per_minute: int = 600


@dataclass(frozen=True, slots=True)
class GatewayShape:
    """One gateway of one cell.

    Attributes:
        issuer: the `iss` that this cell's tokens name.
        folder: where the gateway finds the files of its configuration at run time.
        services: domain to the address where it is served.
        auth_http: where the pages of sign-in and the discovery documents are; None leaves their paths out.
        keys: where the key sets are; a token holds that any of them proves.
        cells: other cells by name, each with the address of its gateway; people of cells that are not named
            here are told that they are wrong.
        cells_authority: PEM file of the authority of the other gateways' certificates.
        limits: where the limits over all gateway processes are counted; None leaves them to the services.
        origins: of web pages that may call, as in "https://app.example.com".
        trusted_hops: proxies in front that append to `x-forwarded-for`.
        development: also route what exists on developers' machines only.
        access_log: the file that gets one JSON object a call.
        denied_sessions: ids of ended sessions whose tokens have not expired yet.
        denied_people: user ids, each with the second since 1970 before which a token must not be issued.
    """

    cell: str
    issuer: str
    folder: str
    listen: Address
    services: Mapping[str, Address]
    keys: tuple[KeySetFile | KeySetAddress, ...]
    certificate: str
    key: str
    admin: Address = Address("127.0.0.1", 0)
    operations: Address | None = None
    auth_http: Address | None = None
    upstream_tls: UpstreamTls | None = None
    cells: Mapping[str, Address] = field(default_factory=dict)
    cells_authority: str = SYSTEM_AUTHORITIES
    limits: Address | None = None
    origins: tuple[str, ...] = ()
    trusted_hops: int = 0
    leeway_s: int = 30
    development: bool = False
    reuse_port: bool = True
    access_log: str = "/dev/stdout"
    bounds: Bounds = Bounds()
    denied_sessions: tuple[str, ...] = ()
    denied_people: Mapping[str, int] = field(default_factory=dict)
