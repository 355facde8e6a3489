"""The REST side of the contracts as an OpenAPI 3.1 document."""

from services.gateway.openapi.document import openapi, openapi_document

__all__ = ["openapi", "openapi_document"]
