"""The generator of requests: every request of every contract, valid."""

from __future__ import annotations

import protovalidate
import pytest

from services.chassis.policy import MethodInfo, contract_services, default_registry
from tests.security.overrides import request_for

_METHODS = list(default_registry().methods(contract_services()))


@pytest.mark.parametrize("method", _METHODS, ids=lambda method: method.path)
def test_a_valid_request_is_made_of_the_rules(method: MethodInfo) -> None:
    violations = protovalidate.Validator().collect_violations(request_for(method))
    assert [str(violation.proto) for violation in violations] == []
