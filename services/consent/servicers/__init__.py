"""RPC in, use case, RPC out."""

from services.consent.servicers.consents import ConsentServicer

__all__ = ["ConsentServicer"]
