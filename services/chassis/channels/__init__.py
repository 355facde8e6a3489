"""From a domain's name to a channel for its stubs."""

from services.chassis.channels.delegation import DelegatedToken, Delegations, TokenExchange
from services.chassis.channels.directory import ChannelDirectory, DomainNotReachable
from services.chassis.channels.identity import FileServiceToken, ServiceToken
from services.chassis.channels.service_config import service_config

__all__ = [
    "ChannelDirectory",
    "DelegatedToken",
    "Delegations",
    "DomainNotReachable",
    "FileServiceToken",
    "ServiceToken",
    "TokenExchange",
    "service_config",
]
