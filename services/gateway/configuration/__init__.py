"""Envoy's configuration as plain values, made from the contracts and a `GatewayShape`."""

from services.gateway.configuration.bootstrap import bootstrap
from services.gateway.configuration.clusters import clusters
from services.gateway.configuration.descriptors import descriptor_set
from services.gateway.configuration.listeners import listeners
from services.gateway.configuration.routes import route_configuration
from services.gateway.configuration.secrets import secrets

__all__ = ["bootstrap", "clusters", "descriptor_set", "listeners", "route_configuration", "secrets"]
