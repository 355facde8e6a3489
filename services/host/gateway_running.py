"""Running the gateway, alone or together with the platform, to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any

import click
import structlog
import uvloop

from services.auth.keys import load_or_create_key
from services.chassis.auth import KeySource
from services.chassis.channels import ChannelDirectory, DomainNotReachable, ServiceToken
from services.chassis.limits import open_rate_limiter
from services.chassis.server import AddressInUse
from services.chassis.settings import Settings
from services.chassis.settings.model import split_address
from services.chassis.telemetry import configure_logging
from services.gateway.admin import drain_listeners
from services.gateway.binary import NoEnvoy, find_envoy
from services.gateway.key_page import KeyPage
from services.gateway.process import EnvoyFailed
from services.gateway.ratelimit import RateLimitServer
from services.gateway.rendering import render
from services.gateway.running import Gateway
from services.gateway.settings import GatewaySettings
from services.gateway.shape import Address, GatewayShape
from services.gateway.validation import ConfigurationRefused, validate
from services.host.exit_codes import ExitCode
from services.host.gateway_denials import RevocationSource, RevokedAtTheDoor, following
from services.host.gateway_identity import gateway_token, revocation_source
from services.host.gateway_shape import door_certificate, gateway_folder, gateway_shape
from services.host.platform import Platform, running_platform
from services.host.ports import key_source
from services.host.readiness import ready_line, write_ready_file
from services.host.registry import domain_names
from services.host.running import exit_code_for

_log = structlog.get_logger(__name__)

LOOK_AT_CERTIFICATES_EVERY_S = 3_600.0
FORGET_REVOCATIONS_EVERY_S = 60.0
PAUSE_BETWEEN_RELOADS_S = 1.0
PID_FILE = "gateway.pid"


def _say(text: str) -> None:
    click.echo(text)


@contextlib.asynccontextmanager
async def running_gateway(
    settings: Settings, platform: str, keys: KeySource, *, revocations: RevocationSource | None = None
) -> AsyncIterator[Gateway]:
    """A gateway before the services until the block ends; then it drains.

    Args:
        platform: where the domains are that the settings do not name.
        keys: by which the services prove tokens.
        revocations: where it hears which tokens are void; None leaves them to the services.

    Raises:
        NoEnvoy: there is none for this machine.
        EnvoyFailed: it does not take the configuration.
        AddressInUse: the door's address cannot be listened on.
    """
    own = GatewaySettings()
    binary = find_envoy(own.envoy)
    folder = gateway_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        listen = _free(own.listen)
        limits = await stack.enter_async_context(_rate_limits(settings))
        if settings.issues_development_tokens:
            await asyncio.to_thread(load_or_create_key, settings.data_dir)
        page = KeyPage(keys.fetch)
        stack.push_async_callback(page.close)
        keys_address = await page.start()
        denied = RevokedAtTheDoor()

        def shape() -> GatewayShape:
            files = door_certificate(settings, own)
            return gateway_shape(
                settings,
                own,
                domains=domain_names(),
                platform=platform,
                listen=listen,
                certificate=(files.certificate, files.key),
                keys=keys_address,
                limits=limits,
                denied_sessions=denied.told.sessions,
                denied_people=denied.told.people,
            )

        gateway = Gateway(shape, binary=binary, folder=folder, threads=own.threads, drain_s=own.drain_s)
        stack.push_async_callback(gateway.stop)
        await gateway.start()
        await stack.enter_async_context(_reloads(gateway, folder / PID_FILE, denied))
        await stack.enter_async_context(following(denied, revocations))
        yield gateway


def _free(listen: str) -> str:
    """The address, with a free port in place of 0, once nobody else has it.

    Envoy would share the port with another gateway: good for two of one platform, never for those of two.

    Raises:
        AddressInUse: somebody has it.
    """
    host, port = split_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise AddressInUse(f"cannot listen on {listen}") from None
        return str(Address(host, probe.getsockname()[1]))


@contextlib.asynccontextmanager
async def _rate_limits(settings: Settings) -> AsyncIterator[str | None]:
    """The rate limit service over Redis; without Redis there is one gateway, which counts for itself."""
    url = settings.store.limits_url
    if url == "memory://":
        yield None
        return
    limiter = open_rate_limiter(url, namespace=_limits_namespace(settings))
    server = RateLimitServer(limiter, listen="127.0.0.1:0")
    try:
        yield await server.start()
    finally:
        await server.stop()
        await limiter.close()


def _limits_namespace(settings: Settings) -> str:
    return f"pulsemesh:{settings.cell}:gateway"


@contextlib.asynccontextmanager
async def _reloads(gateway: Gateway, pid_file: Path, denied: RevokedAtTheDoor) -> AsyncIterator[None]:
    """Make the configuration anew when asked, on SIGHUP, and now and then for what ends by itself."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, denied.changed.set)
    await asyncio.to_thread(pid_file.write_text, f"{os.getpid()}\n")
    task = asyncio.create_task(_reload_when_asked(gateway, denied))
    try:
        yield
    finally:
        await asyncio.to_thread(pid_file.unlink, missing_ok=True)
        loop.remove_signal_handler(signal.SIGHUP)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _reload_when_asked(gateway: Gateway, denied: RevokedAtTheDoor) -> None:
    while True:
        patience_s = FORGET_REVOCATIONS_EVERY_S if len(denied) else LOOK_AT_CERTIFICATES_EVERY_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(denied.changed.wait(), patience_s)
        denied.changed.clear()
        denied.settle()
        try:
            await asyncio.to_thread(gateway.reload)
        except Exception as error:
            _log.exception("gateway_not_reloaded", error=str(error))
        await asyncio.sleep(PAUSE_BETWEEN_RELOADS_S)


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _serve_gateway(settings: Settings, ready_file: Path | None) -> ExitCode:
    stop = _stop_event()
    async with gateway_before(settings) as gateway:
        _announce(gateway, ready_file, domains=domain_names(), platform="")
        await stop.wait()
    return ExitCode.OK


@contextlib.asynccontextmanager
async def gateway_before(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway before services that run elsewhere, until the block ends.

    Raises:
        NoEnvoy, EnvoyFailed, AddressInUse: see `running_gateway`.
    """
    own = settings.server.listen
    identity = gateway_token(settings, lambda: channels.channel("auth"))
    channels = _channels(settings, {"auth": own} | settings.channels, identity)
    keys = key_source(settings, lambda: channels.channel("auth"))
    source = revocation_source(channels, identity)
    async with _closing(channels), running_gateway(settings, own, keys, revocations=source) as gateway:
        yield gateway


async def _serve_all(settings: Settings, domains: Sequence[str], ready_file: Path | None) -> ExitCode:
    stop = _stop_event()
    async with running_platform(settings, domains) as platform:
        line = ready_line(
            platform.address, platform.domains, cell=settings.cell, mode=settings.mode, workers=1
        )
        try:
            source = _heard_by(platform)
            keys = key_source(settings, lambda: platform.channel("auth"))
            async with running_gateway(settings, platform.address, keys, revocations=source) as gateway:
                _say(f"{line}, gateway on https://{gateway.address}")
                _announce(gateway, ready_file, domains=platform.domains, platform=platform.address)
                await stop.wait()
        except NoEnvoy as error:
            _say(f"pulsemesh-server: {error}")
            _say(f"{line}, without a gateway")
            _write_ready(ready_file, platform.address, platform.domains, platform.address)
            await stop.wait()
    return ExitCode.OK


def _heard_by(platform: Platform) -> RevocationSource | None:
    """What was revoked is asked as the platform's services ask it."""
    try:
        return RevocationSource(platform.channel("auth"))
    except DomainNotReachable:
        return None


@contextlib.asynccontextmanager
async def _closing(channels: ChannelDirectory) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await channels.close()


def _channels(settings: Settings, places: dict[str, str], identity: ServiceToken | None) -> ChannelDirectory:
    """Channels of a process that serves nothing itself."""
    placed = settings.model_copy(update={"channels": places})
    return ChannelDirectory(placed, served=(), handlers={}, identity=identity)


def _announce(gateway: Gateway, ready_file: Path | None, *, domains: Sequence[str], platform: str) -> None:
    if not platform:
        _say(f"pulsemesh-server: gateway on https://{gateway.address}")
    _write_ready(ready_file, f"https://{gateway.address}", domains, platform)


def _write_ready(ready_file: Path | None, address: str, domains: Sequence[str], platform: str) -> None:
    if ready_file is not None:
        direct = {"direct_address": platform} if platform else {}
        write_ready_file(ready_file, address=address, domains=domains, pids=[os.getpid()], **direct)


def _run(settings: Settings, main: Coroutine[Any, Any, ExitCode]) -> ExitCode:
    """Run to an exit code; foreseen failures are told in one line, others keep their trace."""
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_style)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    except (NoEnvoy, EnvoyFailed, ConfigurationRefused) as error:
        click.echo(f"pulsemesh-server: {error}", err=True)
        return ExitCode.GATEWAY
    except Exception as error:
        code = exit_code_for(error)
        if code is None:
            raise
        click.echo(f"pulsemesh-server: {error}", err=True)
        return code


def run_gateway(settings: Settings, ready_file: Path | None) -> ExitCode:
    """Run the gateway before services that run elsewhere, until told to stop."""
    return _run(settings, _serve_gateway(settings, ready_file))


def run_up(settings: Settings, domains: Sequence[str], ready_file: Path | None) -> ExitCode:
    """Run the platform and the gateway before it; where there is no Envoy, say so and run the platform."""
    return _run(settings, _serve_all(with_real_doors(settings, domains), domains, ready_file))


def with_real_doors(settings: Settings, domains: Sequence[str]) -> Settings:
    """What nobody set differently: the consent service is asked, and devices and apps are let in.

    `serve` on a developer's machine leaves both out; `up` is the platform as people meet it.
    """
    changes: dict[str, Any] = {}
    served = domain_names(domains)
    if settings.consent.gate is None and "consent" in served:
        changes["consent"] = settings.consent.model_copy(update={"gate": "service"})
    if settings.development and settings.auth.http_listen is None and "auth" in served:
        changes["auth"] = settings.auth.model_copy(update={"http_listen": _free("127.0.0.1:0")})
    return settings.model_copy(update=changes)


def run_validate(settings: Settings) -> ExitCode:
    """Let Envoy judge the configuration that these settings make."""

    async def main() -> ExitCode:
        own = GatewaySettings()
        files = door_certificate(settings, own)
        certificate = (files.certificate.absolute(), files.key.absolute())
        shape = gateway_shape(
            settings,
            own,
            domains=domain_names(),
            platform=settings.server.listen,
            listen=own.listen,
            certificate=certificate,
            keys="127.0.0.1:1",
        )
        await validate(render(shape), find_envoy(own.envoy), certificate)
        _say("pulsemesh-server: Envoy takes the configuration")
        return ExitCode.OK

    return _run(settings, main())


def run_reload(settings: Settings) -> ExitCode:
    """Ask the running gateway to make its configuration anew."""
    file = gateway_folder(settings) / PID_FILE
    try:
        os.kill(int(file.read_text()), signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError):
        click.echo(f"pulsemesh-server: no gateway runs over {settings.data_dir}", err=True)
        return ExitCode.GATEWAY
    return ExitCode.OK


def run_limits(settings: Settings, listen: str) -> ExitCode:
    """Serve the shared limits until told to stop."""

    async def main() -> ExitCode:
        stop = _stop_event()
        limiter = open_rate_limiter(settings.store.limits_url, namespace=_limits_namespace(settings))
        server = RateLimitServer(limiter, listen=listen)
        _say(f"pulsemesh-server: counting limits on {await server.start()}")
        await stop.wait()
        await server.stop()
        await limiter.close()
        return ExitCode.OK

    return _run(settings, main())


def run_drain(admin: str, within_s: float) -> ExitCode:
    """Drain the Envoy behind an admin page; whoever started it ends it."""
    asyncio.run(drain_listeners(admin, within_s))
    return ExitCode.OK
