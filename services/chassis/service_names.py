"""How a service is named in its token and in its certificate."""

from __future__ import annotations

from collections.abc import Iterable

SUBJECT_PREFIX = "service:"
TOGETHER = "+"
"""Between the names of services that share a process."""


def service_subject(names: Iterable[str]) -> str:
    """The subject of the token of a process that serves these domains: "service:auth+workout"."""
    return SUBJECT_PREFIX + TOGETHER.join(names)


def services_of_subject(subject: str) -> frozenset[str]:
    """The services that a token's subject names; none when it names something else."""
    if not subject.startswith(SUBJECT_PREFIX):
        return frozenset()
    return frozenset(subject.removeprefix(SUBJECT_PREFIX).split(TOGETHER)) - {""}


def service_uri(cell: str, service: str) -> str:
    """The URI in a certificate that makes its holder a service of a cell."""
    return f"pulsemesh://{cell}/service/{service}"


def services_of_uris(uris: Iterable[str], cell: str) -> frozenset[str]:
    """The services of a cell that a certificate's URIs name."""
    prefix = service_uri(cell, "")
    return frozenset(uri.removeprefix(prefix) for uri in uris if uri.startswith(prefix)) - {""}
