"""RPC in, use case, RPC out: no rules and no SQL here. A module for each service of the contract."""

from services.auth.oauth.servicers.api_keys import ApiKeyServicer
from services.auth.oauth.servicers.apps import AuthorisedAppServicer, OAuthAppServicer
from services.auth.oauth.servicers.devices import DeviceGrantServicer

__all__ = ["ApiKeyServicer", "AuthorisedAppServicer", "DeviceGrantServicer", "OAuthAppServicer"]
