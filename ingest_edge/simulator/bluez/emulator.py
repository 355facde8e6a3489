"""An emulated BlueZ for programs that use the real one: bus, daemon, adapter, devices, with faults."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ingest_edge.simulator.bluez.bus import MiniBus
from ingest_edge.simulator.bluez.daemon import EmulatedDaemon
from ingest_edge.simulator.bluez.peripheral import Peripheral, PeripheralStatistics

SYSTEM_BUS_VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
_T = TypeVar("_T")


class EmulatedBlueZ:
    """A context manager that runs the emulation on a thread and an event loop of its own.

    A program reaches it by its environment, unchanged::

        with EmulatedBlueZ([HeartRateStrap("C0:00:00:00:00:01", athlete)]) as bluez, bluez.as_system_bus():
            ...  # bleak now sees one heart rate strap

    Methods may be called from any other thread and have taken effect when they return. Where bleak runs on an
    event loop that goes on, ``async with`` also lets bleak notice the end, so that it leaves no socket open.

    Args:
        peripherals: the devices in the air, with distinct addresses.
        advertising_interval_s: seconds between two advertisements of a device.
    """

    def __init__(self, peripherals: Sequence[Peripheral], *, advertising_interval_s: float = 0.05) -> None:
        addresses = {peripheral.address.upper() for peripheral in peripherals}
        if len(addresses) != len(peripherals):
            raise ValueError("two peripherals have the same address")
        self._peripherals = list(peripherals)
        self._advertising_interval_s = advertising_interval_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._bus: MiniBus | None = None
        self._daemon: EmulatedDaemon | None = None

    def __enter__(self) -> EmulatedBlueZ:
        self._directory = tempfile.TemporaryDirectory(prefix="bluez-")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="emulated-bluez", daemon=True)
        self._thread.start()
        self._await(self._start(Path(self._directory.name) / "bus"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._await(self._stop())
        loop, thread, directory = self._loop, self._thread, self._directory
        self._loop = self._thread = self._directory = self._bus = self._daemon = None
        if loop is not None and thread is not None and directory is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            directory.cleanup()

    async def __aenter__(self) -> EmulatedBlueZ:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.kill_bus)
        # bleak keeps a connection of its own while its event loop lives: let it see the end and close it.
        await asyncio.sleep(0.05)
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

    @property
    def address(self) -> str:
        """The bus's address, for ``DBUS_SYSTEM_BUS_ADDRESS``."""
        return self._running_bus.address

    @contextlib.contextmanager
    def as_system_bus(self) -> Iterator[str]:
        """Make it the system bus of this process and its children for a while."""
        earlier = os.environ.get(SYSTEM_BUS_VARIABLE)
        os.environ[SYSTEM_BUS_VARIABLE] = self.address
        try:
            yield self.address
        finally:
            if earlier is None:
                os.environ.pop(SYSTEM_BUS_VARIABLE, None)
            else:
                os.environ[SYSTEM_BUS_VARIABLE] = earlier

    @property
    def connection_count(self) -> int:
        """Open D-Bus connections of clients."""
        return self._call(lambda: self._running_bus.connection_count)

    @property
    def connections_opened(self) -> int:
        """D-Bus connections ever opened."""
        return self._call(lambda: self._running_bus.connections_opened)

    def statistics(self, address: str) -> PeripheralStatistics:
        """The counters of a peripheral."""
        return self._call(lambda: self._running_daemon.device(address).statistics())

    def drop(self, address: str) -> None:
        """Break the link to a device, as by distance; it advertises again at once."""
        self._call(lambda: self._running_daemon.device(address).disconnect())

    def set_in_range(self, address: str, in_range: bool) -> None:
        """Take a device out of range (its link breaks) or bring it back."""

        def move() -> None:
            device = self._running_daemon.device(address)
            device.in_range = in_range
            if not in_range:
                device.disconnect()

        self._call(move)

    def mute(self, address: str, muted: bool = True) -> None:
        """Let a device stay connected and say nothing."""

        def set_muted() -> None:
            self._running_daemon.device(address).muted = muted

        self._call(set_muted)

    def make_stale(self, address: str, *, dead: bool = True) -> None:
        """Let the daemon hold a connection that no client asked for, until somebody disconnects it.

        A process that crashed leaves such a connection behind. The device does not advertise meanwhile. A
        ``dead`` one brings no data any more.
        """
        self._call(lambda: self._running_daemon.hold_stale_connection(address, dead=dead))

    def forget(self, address: str) -> None:
        """Remove a device's object from the bus, as the daemon does some time after a scan."""
        self._call(lambda: self._running_daemon.device(address).forget())

    def refuse_connections(self, address: str, times: int) -> None:
        """Let the next ``times`` connection attempts fail."""

        def refuse() -> None:
            self._running_daemon.device(address).refusals = times

        self._call(refuse)

    def set_latency(self, latency_s: float) -> None:
        """Let every answer of the daemon take this long."""

        def set_latency() -> None:
            self._running_daemon.latency_s = latency_s

        self._call(set_latency)

    def power_adapter(self, powered: bool) -> None:
        """Switch the adapter on or off."""
        self._call(lambda: self._running_daemon.set_power(powered))

    def kill_daemon(self) -> None:
        """Kill bluetoothd: its name vanishes and nothing is said about devices."""
        self._call(self._running_daemon.die)

    def start_daemon(self) -> None:
        """Start bluetoothd again; devices are unknown to it until a scan."""
        self._call(self._running_daemon.start)

    def kill_bus(self) -> None:
        """Kill the message bus, and with it the daemon."""

        async def kill() -> None:
            self._running_daemon.die()
            await self._running_bus.kill()

        self._await(kill())

    def start_bus(self) -> None:
        """Start bus and daemon again, at the same address."""

        async def start() -> None:
            await self._running_bus.start()
            self._running_daemon.start()

        self._await(start())

    @property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        return _require(self._loop)

    @property
    def _running_bus(self) -> MiniBus:
        return _require(self._bus)

    @property
    def _running_daemon(self) -> EmulatedDaemon:
        return _require(self._daemon)

    async def _start(self, socket_path: Path) -> None:
        self._bus = MiniBus(socket_path)
        await self._bus.start()
        self._daemon = EmulatedDaemon(self._bus, self._peripherals, self._advertising_interval_s)
        self._daemon.start()

    async def _stop(self) -> None:
        self._running_daemon.die()
        await self._running_bus.kill()
        # Cancelled tasks need a turn of the loop to end.
        await asyncio.sleep(0)

    def _await(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop).result()

    def _call(self, function: Callable[[], _T]) -> _T:
        outcome: Future[_T] = Future()

        def run() -> None:
            try:
                outcome.set_result(function())
            except BaseException as error:
                outcome.set_exception(error)

        self._running_loop.call_soon_threadsafe(run)
        return outcome.result()


def _require(part: _T | None) -> _T:
    if part is None:
        raise RuntimeError("the emulated BlueZ is used outside of its with block")
    return part
