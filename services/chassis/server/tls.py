"""TLS by settings, with certificates that may be renewed while the server serves."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import grpc
import structlog

from services.chassis.certificate_pairs import PairBroken, read_pair
from services.chassis.settings import ServerSettings

_log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0


class _Certificates:
    """The server's files; read again, at a handshake, when they changed."""

    def __init__(self, certificate: Path, key: Path, authority: Path | None, look_every_s: float) -> None:
        self._certificate = certificate
        self._key = key
        self._authority = authority
        self._look_every_s = look_every_s
        self._lock = threading.Lock()
        self._version = self._read_version()
        self._looked_at_s = time.monotonic()

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """What the files hold now.

        Raises:
            OSError: a file cannot be read.
            PairBroken: key and certificate do not belong together.
        """
        chain, key = read_pair(self._certificate, self._key)
        authority = self._authority.read_bytes() if self._authority else None
        return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=authority)

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """What the core asks at each handshake, on threads of its own: None while nothing changed."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._looked_at_s < self._look_every_s:
                return None
            self._looked_at_s = now_s
            try:
                version = self._read_version()
                if version == self._version:
                    return None
                configuration = self.configuration()
            except (OSError, PairBroken) as error:
                _log.warning("server_certificate_unreadable", error=str(error))
                return None
            self._version = version
            _log.info("server_certificate_renewed", file=str(self._certificate))
            return configuration

    def _read_version(self) -> tuple[int, ...]:
        files = [path for path in (self._certificate, self._key, self._authority) if path is not None]
        return tuple(path.stat().st_mtime_ns for path in files)


def server_credentials(
    settings: ServerSettings, *, look_every_s: float = LOOK_EVERY_S
) -> grpc.ServerCredentials | None:
    """The server's credentials, None when the settings name no certificate.

    Args:
        look_every_s: seconds between two looks at the files, which happen at handshakes.

    Raises:
        OSError: a file cannot be read.
        PairBroken: key and certificate do not belong together.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    certificates = _Certificates(
        settings.tls_certificate, settings.tls_key, settings.tls_client_ca, look_every_s
    )
    return grpc.dynamic_ssl_server_credentials(
        certificates.configuration(),
        # None says that nothing changed; the stubs do not know that.
        certificates.renewed,  # type: ignore[arg-type]
        require_client_authentication=settings.tls_client_ca is not None,
    )
