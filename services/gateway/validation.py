"""Letting Envoy itself judge a configuration.

`--mode validate` looks at no file that is followed at run time, and unknown fields in such files pass in
silence. So everything is put into one static file first, in which Envoy refuses what it does not know.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from services.gateway.configuration.filters import DESCRIPTORS
from services.gateway.rendering import BOOTSTRAP


class ConfigurationRefused(ValueError):
    """Envoy does not take the configuration; the message says why."""


def _resources(files: Mapping[str, bytes], name: str) -> list[dict[str, Any]]:
    found = yaml.load(files[name], Loader=yaml.CSafeLoader)["resources"]
    return [{key: value for key, value in one.items() if key != "@type"} for one in found]


def static_form(files: Mapping[str, bytes], folder: Path, certificate: tuple[Path, Path]) -> bytes:
    """All files as one, with the descriptors from `folder`.

    Args:
        certificate: PEM files of a chain and its key that exist here, in place of the gateway's own.
    """
    bootstrap = yaml.load(files[BOOTSTRAP], Loader=yaml.CSafeLoader)
    del bootstrap["dynamic_resources"]
    routes = _resources(files, "routes.yaml")[0]
    secrets = _resources(files, "secrets.yaml")
    for secret in secrets:
        secret["tls_certificate"] = {
            "certificate_chain": {"filename": str(certificate[0])},
            "private_key": {"filename": str(certificate[1])},
        }
    bootstrap["static_resources"] = {
        "listeners": [_static(one, routes, folder) for one in _resources(files, "listeners.yaml")],
        "clusters": [_local_authorities(one, certificate[0]) for one in _resources(files, "clusters.yaml")],
        "secrets": secrets,
    }
    return yaml.dump(bootstrap, Dumper=yaml.CSafeDumper).encode()


def _static(listener: dict[str, Any], routes: dict[str, Any], folder: Path) -> dict[str, Any]:
    for chain in listener["filter_chains"]:
        for one in chain["filters"]:
            _use_routes(one["typed_config"], routes, folder)
        common = chain.get("transport_socket", {}).get("typed_config", {}).get("common_tls_context", {})
        for secret in common.get("tls_certificate_sds_secret_configs", ()):
            secret.pop("sds_config")
    return listener


def _use_routes(manager: dict[str, Any], routes: dict[str, Any], folder: Path) -> None:
    if manager.pop("rds", None) is not None:
        manager["route_config"] = routes
    for one in manager["http_filters"]:
        configuration = one["typed_config"]
        if "proto_descriptor" in configuration:
            configuration["proto_descriptor"] = str(folder / DESCRIPTORS)
        for provider in configuration.get("providers", {}).values():
            if "local_jwks" in provider and not Path(provider["local_jwks"]["filename"]).exists():
                provider["local_jwks"] = {"inline_string": '{"keys": []}'}


def _local_authorities(cluster: dict[str, Any], certificate: Path) -> dict[str, Any]:
    """Clusters name files of the machine on which they will be used."""
    common = cluster.get("transport_socket", {}).get("typed_config", {}).get("common_tls_context")
    if common is not None:
        common["validation_context"]["trusted_ca"]["filename"] = str(certificate)
        common.pop("tls_certificates", None)
    return cluster


async def validate(files: Mapping[str, bytes], envoy: Path, certificate: tuple[Path, Path]) -> None:
    """Return when Envoy takes the files.

    Raises:
        ConfigurationRefused: it does not.
    """
    with tempfile.TemporaryDirectory(prefix="pulsemesh-gateway-") as name:
        folder = Path(name)
        (folder / DESCRIPTORS).write_bytes(files[DESCRIPTORS])
        (folder / BOOTSTRAP).write_bytes(static_form(files, folder, certificate))
        process = await asyncio.create_subprocess_exec(
            *(str(envoy), "--mode", "validate", "-c", str(folder / BOOTSTRAP), "--log-level", "error"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    if process.returncode:
        raise ConfigurationRefused(_reason(said.decode(errors="replace")))


def _reason(said: str) -> str:
    """What Envoy says, without the whole configuration that it repeats in between."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("{", " {"))]
    return "\n".join(line[:2_000] for line in lines[-5:]) or "Envoy refused the configuration without a word"
