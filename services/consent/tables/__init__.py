"""The tables that the consent service owns, a module for each concern."""

from services.consent.tables.base import metadata
from services.consent.tables.consents import answers, consents, people, receipts

__all__ = ["answers", "consents", "metadata", "people", "receipts"]
