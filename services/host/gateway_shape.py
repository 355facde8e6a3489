"""From settings to the shape of the gateway beside the services of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from services.chassis.settings import Settings
from services.chassis.settings.model import IN_PROCESS
from services.gateway.key_page import PATH as KEY_PATH
from services.gateway.settings import GatewaySettings
from services.gateway.shape import (
    SYSTEM_AUTHORITIES,
    Address,
    GatewayShape,
    KeySetAddress,
    UpstreamTls,
)
from services.host.certificates import CertificateAuthority, CertificateFiles

DOOR = "gateway-door"
CLIENT = "gateway"


def gateway_folder(settings: Settings) -> Path:
    """Where the gateway's files lie."""
    return (settings.data_dir / "gateway").absolute()


def gateway_shape(
    settings: Settings,
    gateway: GatewaySettings,
    *,
    domains: Iterable[str],
    platform: str,
    listen: str,
    certificate: tuple[Path, Path],
    keys: str,
    limits: str | None = None,
    denied_sessions: Iterable[str] = (),
    denied_people: Mapping[str, int] | None = None,
) -> GatewayShape:
    """The gateway of these settings.

    Args:
        domains: that are served somewhere.
        platform: where those are that the settings do not name.
        listen: the door's address.
        certificate: PEM files of the door's chain and key.
        keys: where the page is from which the keys that prove tokens are fetched.
        limits: where the rate limit service is.
        denied_sessions, denied_people: as in `GatewayShape`.
    """
    folder = gateway_folder(settings)
    return GatewayShape(
        cell=settings.cell,
        issuer=settings.issuer,
        folder=str(folder),
        listen=Address.parse(listen),
        services={name: _service(settings, gateway, name, platform) for name in domains},
        keys=(KeySetAddress(Address.parse(keys), KEY_PATH),),
        certificate=str(certificate[0].absolute()),
        key=str(certificate[1].absolute()),
        operations=Address.parse(gateway.operations_listen) if gateway.operations_listen else None,
        auth_http=_auth_http(settings),
        upstream_tls=_upstream_tls(settings),
        cells={name: Address.parse(address) for name, address in gateway.cells.items()},
        cells_authority=str(gateway.cells_ca.absolute()) if gateway.cells_ca else SYSTEM_AUTHORITIES,
        limits=Address.parse(limits) if limits else None,
        origins=tuple(gateway.origins),
        trusted_hops=gateway.trusted_hops,
        leeway_s=settings.auth.leeway_s,
        development=settings.issues_development_tokens,
        access_log=str((gateway.access_log or folder / "access.log").absolute()),
        denied_sessions=tuple(sorted(denied_sessions)),
        denied_people=denied_people or {},
    )


def _service(settings: Settings, gateway: GatewaySettings, name: str, platform: str) -> Address:
    chosen = gateway.services.get(name) or settings.channels.get(name)
    return Address.parse(platform if chosen in {None, IN_PROCESS} else str(chosen))


def _auth_http(settings: Settings) -> Address | None:
    listen = settings.auth.http_listen
    return Address.parse(listen) if listen else None


def _upstream_tls(settings: Settings) -> UpstreamTls | None:
    """As this process' own channels prove themselves; None where the services speak without TLS."""
    if settings.channels_ca is None:
        return None
    own = (settings.channels_certificate, settings.channels_key)
    certificate, key = (str(path.absolute()) if path else "" for path in own)
    return UpstreamTls(str(settings.channels_ca.absolute()), certificate, key)


def door_certificate(settings: Settings, gateway: GatewaySettings) -> CertificateFiles:
    """The certificate of the settings, else one of the local authority, made or renewed when it is time."""
    if gateway.tls_certificate is not None and gateway.tls_key is not None:
        return CertificateFiles(gateway.tls_certificate, gateway.tls_certificate, gateway.tls_key)
    authority = CertificateAuthority.create(settings.data_dir / "certificates", cell=settings.cell)
    files = authority.files(DOOR)
    if files.certificate.exists():
        authority.renew_due()
        return files
    return authority.issue(DOOR, services=(), hosts=gateway.hosts)
