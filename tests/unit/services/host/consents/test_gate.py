"""The gate that asks the consent service: chosen by settings, closed while nobody answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.channels import DomainNotReachable
from services.chassis.consent import ClosedConsentGate, DevelopmentConsentGate
from services.chassis.errors import AccessDenied, Unavailable
from services.chassis.settings import Settings
from services.host.consents import ServiceConsentGate
from services.host.ports import consent_gate

HEALTH = frozenset({Purpose.PURPOSE_HEALTH_DATA})


def nowhere() -> Any:
    raise DomainNotReachable("consent")


@pytest.mark.parametrize(
    ("chosen", "kind"),
    [("service", ServiceConsentGate), ("development", DevelopmentConsentGate), ("closed", ClosedConsentGate)],
)
def test_settings_choose_the_gate(chosen: Any, kind: type, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, consent={"gate": chosen})  # type: ignore[arg-type]
    assert isinstance(consent_gate(settings, nowhere), kind)


async def test_a_consent_service_that_nobody_can_reach_allows_nothing() -> None:
    gate = ServiceConsentGate(nowhere)
    with pytest.raises(Unavailable):
        await gate.check("eu_ann", HEALTH)
    with pytest.raises(Unavailable):
        await gate.refused("eu_ann", HEALTH)


class Service:
    """A consent service that answers the same every time."""

    def __init__(self, response: wire.CheckResponse) -> None:
        self._response = response

    async def Check(self, _request: Any, timeout: float) -> wire.CheckResponse:
        return self._response


def gate_with(response: wire.CheckResponse) -> ServiceConsentGate:
    gate = ServiceConsentGate(nowhere, clock_s=lambda: 100.0, monotonic_s=lambda: 0.0)
    gate._stub = Service(response)  # type: ignore[assignment]
    gate.answers.trust()
    return gate


async def test_an_answer_without_the_purpose_is_a_no() -> None:
    with pytest.raises(AccessDenied, match="health_data"):
        await gate_with(wire.CheckResponse()).check("eu_ann", HEALTH)


async def test_an_answer_that_is_over_is_not_kept() -> None:
    response = wire.CheckResponse()
    response.decisions.add(purpose=Purpose.PURPOSE_HEALTH_DATA, granted=True)
    response.valid_until.FromSeconds(100)
    gate = gate_with(response)
    await gate.check("eu_ann", HEALTH)
    assert gate.answers.kept("eu_ann") is None


async def test_a_failure_of_the_transport_is_no_yes() -> None:
    class Away:
        async def Check(self, _request: Any, timeout: float) -> Any:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "away"
            )

    gate = gate_with(wire.CheckResponse())
    gate._stub = Away()  # type: ignore[assignment]
    with pytest.raises(Unavailable):
        await gate.check("eu_ann", HEALTH)
