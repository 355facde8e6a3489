"""The tables that the consent service owns, a module for each concern."""

from services.consent.tables.base import metadata
from services.consent.tables.consents import answers, consents, people, receipts
from services.consent.tables.rights import restrictions, rights_pieces, rights_requests

__all__ = [
    "answers",
    "consents",
    "metadata",
    "people",
    "receipts",
    "restrictions",
    "rights_pieces",
    "rights_requests",
]
