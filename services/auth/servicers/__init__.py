"""RPC in, use case, RPC out: no rules and no SQL here. A module for each service of the contract."""

from services.auth.servicers.accounts import AccountServicer
from services.auth.servicers.development import DevelopmentIssuerServicer, is_local
from services.auth.servicers.keys import KeyServicer
from services.auth.servicers.sessions import SessionServicer

__all__ = ["AccountServicer", "DevelopmentIssuerServicer", "KeyServicer", "SessionServicer", "is_local"]
