"""The roles that methods name are those that somebody can hold, and their acts are audited."""

from __future__ import annotations

import pytest

from pulsemesh.policy.v1.policy_pb2 import Access
from services.auth.staff.roles import ROLES
from services.chassis.audit import ActFilter, PublicKeys, read_acts, verify
from services.chassis.audit.signing import PUBLIC_KEYS_FILE
from services.chassis.policy import MethodInfo, contract_services, default_registry
from tests.security.callers import bearer
from tests.security.calling import call
from tests.security.overrides import request_for
from tests.security.target import Target
from tests.security.tokens import user_id

METHODS = [
    method
    for method in default_registry().methods(contract_services())
    if method.policy is not None and method.policy.staff_roles
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_every_role_that_a_method_names_exists(method: MethodInfo) -> None:
    assert method.policy is not None
    assert method.policy.staff_roles <= frozenset(ROLES)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_call_of_staff_is_in_the_audit_log_refused_ones_included(target: Target) -> None:
    person = user_id("audited")
    token = target.mint.signed(target.mint.claims(person, "staff", set(), roles=["support"]))
    for method in target.methods:
        await call(target.channel, method, request_for(method), bearer(token), may_stay_open=False)
    folder = target.platform.settings.audit_directory

    acts = list(read_acts(folder, ActFilter(user_id=person)))

    called = {method.path for method in target.methods if not _open_to_all(method)}
    assert {act["method"] for act in acts} >= called
    assert {tuple(act["roles"]) for act in acts if act["method"] in called} == {("support",)}
    assert verify(folder, PublicKeys.load(folder / PUBLIC_KEYS_FILE)).intact


def _open_to_all(method: MethodInfo) -> bool:
    """Whether the method looks at no credentials, so that nobody is staff there."""
    assert method.policy is not None
    return method.policy.access == {Access.ACCESS_PUBLIC}
