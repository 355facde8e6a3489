"""As whom a gateway that runs alone asks what was revoked."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from services.chassis.settings import Settings, load_settings
from services.host.certificates import CertificateAuthority
from services.host.gateway_identity import gateway_token
from services.host.identity import CertifiedServiceToken, DevelopmentServiceToken


def nobody() -> grpc.aio.Channel:
    raise AssertionError("nothing is asked before there is a call")


def certified(folder: Path, *services: str) -> Settings:
    files = CertificateAuthority.create(folder / "certificates", cell="eu").issue("own", services=services)
    own = {"channels_ca": files.authority, "channels_certificate": files.certificate}
    return load_settings({"data_dir": folder, "mode": "production", "channels_key": files.key, **own})


def test_on_a_developers_machine_it_is_the_gateway(tmp_path: Path) -> None:
    assert isinstance(gateway_token(load_settings({"data_dir": tmp_path}), nobody), DevelopmentServiceToken)


def test_without_token_and_certificate_it_is_nobody(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": tmp_path, "mode": "production"})
    assert gateway_token(settings, nobody) is None


@pytest.mark.parametrize("services", [(), ("gateway",), ("gateway", "workout")])
def test_a_certificate_behind_which_anybody_may_be_gets_no_token(
    tmp_path: Path, services: tuple[str, ...]
) -> None:
    assert gateway_token(certified(tmp_path, *services), nobody) is None


def test_a_certificate_of_services_gets_theirs(tmp_path: Path) -> None:
    assert isinstance(gateway_token(certified(tmp_path, "workout"), nobody), CertifiedServiceToken)


def test_a_token_that_somebody_renews_comes_before_the_certificate(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a.b.c\n")
    settings = certified(tmp_path, "gateway")
    auth = settings.auth.model_copy(update={"service_token_file": file})
    found = gateway_token(settings.model_copy(update={"auth": auth}), nobody)
    assert found is not None
    assert found.token() == "a.b.c"
