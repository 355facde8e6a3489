"""Which domain is reached how."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import grpc

from services.chassis.channels.credentials import (
    CallCredentials,
    DelegatedCredentials,
    HandedCredentials,
    HeaderCredentials,
    NoCredentials,
)
from services.chassis.channels.delegation import Delegations, delegation_interceptors
from services.chassis.channels.forwarding import ForwardingChannel
from services.chassis.channels.identity import ServiceToken
from services.chassis.channels.service_config import service_config
from services.chassis.channels.tls import ChannelCertificates, RenewedChannel
from services.chassis.inprocess import InProcessChannel
from services.chassis.inprocess.channel import Handlers
from services.chassis.policy import MethodInfo, contract_services, default_registry
from services.chassis.settings import Settings
from services.chassis.settings.model import IN_PROCESS


class DomainNotReachable(LookupError):
    """A domain that this process does not serve and that no setting locates."""

    def __init__(self, domain: str) -> None:
        super().__init__(
            f"the domain {domain} is not served here: say where it is, as in "
            f'PULSEMESH_CHANNELS={{"{domain}": "{domain}.internal:50051"}}'
        )


class ChannelDirectory:
    """Opens each domain's channel once: in-process for what is served here, remote for the rest."""

    def __init__(
        self,
        settings: Settings,
        *,
        served: Collection[str],
        handlers: Handlers,
        identity: ServiceToken | None,
        delegations: Delegations | None = None,
    ) -> None:
        """
        Args:
            served: the domains of this process.
            handlers: of the collector; may still fill up while modules start.
            identity: None calls other processes without credentials.
            delegations: where tokens come from by which this process acts for people in other processes; None
                names the person in a header, which servers believe in development mode alone.
        """
        self._settings = settings
        self._served = frozenset(served)
        self._handlers = handlers
        self._identity = identity
        self._delegations = delegations
        self._channels: dict[str, grpc.aio.Channel] = {}

    def channel(self, domain: str) -> grpc.aio.Channel:
        """The channel for the stubs of a domain; the same one each time.

        Raises:
            DomainNotReachable: nobody said where the domain is.
        """
        channel = self._channels.get(domain)
        if channel is None:
            channel = self._channels[domain] = self._open(domain)
        return channel

    def target(self, domain: str) -> str:
        """Where a domain is: an address, or "in-process".

        Raises:
            DomainNotReachable: nobody said.
        """
        target = self._settings.channels.get(domain)
        if target is None and domain in self._served:
            return IN_PROCESS
        if target is None or (target == IN_PROCESS and domain not in self._served):
            raise DomainNotReachable(domain)
        return target

    def _open(self, domain: str) -> grpc.aio.Channel:
        target = self.target(domain)
        services = contract_services(domain)
        methods = {method.path: method for method in default_registry().methods(services)}
        if target == IN_PROCESS:
            handed = HandedCredentials(sorted(self._served))
            return ForwardingChannel(InProcessChannel(self._handlers), methods, handed)
        config = service_config(methods.values(), health_service=services[0] if services else "")
        return ForwardingChannel(self._connect(target, config, methods), methods, self._credentials())

    def _credentials(self) -> CallCredentials:
        if self._identity is None:
            return NoCredentials()
        if self._delegations is None:
            return HeaderCredentials(self._identity)
        return DelegatedCredentials(self._identity)

    def _connect(self, target: str, config: str, methods: Mapping[str, MethodInfo]) -> grpc.aio.Channel:
        server = self._settings.server
        options: list[tuple[str, str | int]] = [
            ("grpc.service_config", config),
            ("grpc.enable_retries", 1),
            ("grpc.max_receive_message_length", server.max_message_bytes),
            ("grpc.max_send_message_length", server.max_message_bytes),
            ("grpc.keepalive_time_ms", int(server.keepalive_interval_s * 1000)),
            ("grpc.keepalive_timeout_ms", int(server.keepalive_timeout_s * 1000)),
            ("grpc.http2.ping_timeout_ms", int(server.keepalive_timeout_s * 1000)),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.dns_min_time_between_resolutions_ms", 5_000),
        ]
        delegations = self._delegations
        interceptors = delegation_interceptors(methods, delegations) if delegations else []
        authority = self._settings.channels_ca
        if authority is None:
            return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)

        def secure(credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
            return grpc.aio.secure_channel(target, credentials, options=options, interceptors=interceptors)

        certificate, key = self._settings.channels_certificate, self._settings.channels_key
        return RenewedChannel(secure, ChannelCertificates(authority, certificate, key))

    async def close(self, grace_s: float | None = None) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            await channel.close(grace_s)
        self._channels.clear()
