"""RPC in, use case, RPC out."""

from services.consent.servicers.consents import ConsentServicer
from services.consent.servicers.rights import RightsServicer

__all__ = ["ConsentServicer", "RightsServicer"]
