"""Envoy itself judges the configuration of every deployment, as strictly as it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.gateway.binary import NoEnvoy, find_envoy
from services.gateway.deployments import SHAPES, kubernetes_gateway
from services.gateway.rendering import render
from services.gateway.validation import validate
from services.host.certificates import CertificateAuthority
from services.host.registry import domain_names


@pytest.mark.parametrize("shape", SHAPES)
async def test_envoy_takes_the_configuration_of_each_deployment(shape: str, tmp_path: Path) -> None:
    try:
        envoy = find_envoy()
    except NoEnvoy as error:
        pytest.skip(str(error))
    files = CertificateAuthority.create(tmp_path, cell="eu").issue("door", services=())
    gateway = kubernetes_gateway(shape, domain_names(), cell="eu")
    await validate(render(gateway), envoy, (files.certificate, files.key))
