"""Signing in by OAuth 2: for programs on machines without a browser."""

from pulsemesh.oauth.device import DeviceLogin, ShownCode, begin_device_login
from pulsemesh.oauth.errors import LoginDenied, LoginExpired, OAuthFailure, OAuthUnreachable

__all__ = [
    "DeviceLogin",
    "LoginDenied",
    "LoginExpired",
    "OAuthFailure",
    "OAuthUnreachable",
    "ShownCode",
    "begin_device_login",
]
