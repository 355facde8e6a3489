"""The consent gate in front of the consent service, with what it keeps for a moment."""

from services.host.consents.gate import ServiceConsentGate

__all__ = ["ServiceConsentGate"]
