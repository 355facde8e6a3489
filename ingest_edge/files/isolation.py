"""Decoding in a process of its own: a hostile or merely unlucky file can neither hang nor crash the edge."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Generic, ParamSpec, Protocol, Self, TypeVar

from ingest_edge.files.activity import Activity
from ingest_edge.files.decoder import Decoder, UnreadableFile

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MEMORY_BYTES = 2 * 1024**3
"""Of address space, most of which the interpreter and numpy map without using it."""

_START_TIMEOUT_S = 60.0

P = ParamSpec("P")
Result = TypeVar("Result")


class FileReader(Protocol):
    """Decodes files away from this process: `DecoderProcess` and `DecoderPool`. Calls block."""

    @property
    def concurrency(self) -> int:
        """How many files it can decode at the same time."""
        ...

    def decode_with(self, source: Path | bytes, then: Callable[[Activity], Result]) -> Result:
        """Decode a file and return what `then` makes of it, there; see `DecoderProcess.decode_with`."""
        ...

    def run(self, work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """Run other work on untrusted input under the same limits; see `DecoderProcess.run`."""
        ...


class DecoderProcess:
    """One worker process that decodes files one after another and is replaced when a file breaks it.

    The process is spawned at the first file (a few tenths of a second) and reused. Calls block: from asyncio
    use `await asyncio.to_thread(process.decode, path)`. Threads may share an object; they take turns. Use it
    as a context manager or call `close`.

    Args:
        niceness: by how much the process stands back for others (`nice(2)`).
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        niceness: int = 0,
    ) -> None:
        self._decoder = decoder
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._niceness = niceness
        self._turn = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._worker_pid: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker process. The object can be used again afterwards."""
        with self._turn:
            self._discard(kill=False)

    @property
    def concurrency(self) -> int:
        """One file at a time."""
        return 1

    def decode(self, source: Path | bytes) -> Activity:
        """As `Decoder.decode`; `UnreadableFile` where a file takes too long or too much memory."""
        return self.run(_Decoding(self._decoder, source, _itself))

    def decode_with(self, source: Path | bytes, then: Callable[[Activity], Result]) -> Result:
        """Decode a file, and let `then` work on the activity in the same process; returns its result.

        What is large need not cross the border between the processes, and what is busy does not keep this
        one. `then` and its result must be picklable. Raises as `decode` does.
        """
        return self.run(_Decoding(self._decoder, source, then))

    def run(self, work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """Run `work` (picklable, as is its result) in the process, bounded in time and memory as a file is.

        Raises as `decode` does.
        """
        with self._turn:
            return self._outcome(self._started().submit(work, *args, **kwargs))

    def _outcome(self, future: Future[Result]) -> Result:
        try:
            return future.result(self._timeout_s)
        except FutureTimeoutError:
            self._discard(kill=True)
            raise UnreadableFile(f"still not decoded after {self._timeout_s:g} s") from None
        except BrokenProcessPool:
            self._discard(kill=False)
            raise UnreadableFile("the decoder's process died of it") from None
        except MemoryError:
            # What a process that ran out of memory still holds is anyone's guess.
            self._discard(kill=False)
            raise UnreadableFile(f"needs more than {self._memory_bytes} bytes of memory") from None
        except (UnreadableFile, OSError):
            raise
        except Exception as error:
            raise UnreadableFile(f"the decoder failed: {type(error).__name__}: {error}") from error

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_limit_worker,
                initargs=(self._memory_bytes, self._niceness),
            )
            self._pool = pool
            self._worker_pid = pool.submit(os.getpid).result(_START_TIMEOUT_S)
        return self._pool

    def _discard(self, *, kill: bool) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if kill and self._worker_pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._worker_pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        pool.shutdown(wait=True, cancel_futures=True)


def decode_in_process(
    decoder: Decoder, source: Path | bytes, timeout_s: float = DEFAULT_TIMEOUT_S
) -> Activity:
    """Decode one file in a process of its own. For many files keep a `DecoderProcess`: it starts once."""
    with DecoderProcess(decoder, timeout_s=timeout_s) as process:
        return process.decode(source)


class DecoderPool:
    """Several decoder processes; a file goes to one that is free. Close it with what it is made of."""

    def __init__(self, processes: Sequence[DecoderProcess]) -> None:
        self._processes = tuple(processes)
        self._free: queue.LifoQueue[DecoderProcess] = queue.LifoQueue()
        # The last one in is the first one out: what one process can do alone starts no other.
        for process in reversed(self._processes):
            self._free.put(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.close()

    @property
    def concurrency(self) -> int:
        """As many files as there are processes."""
        return len(self._processes)

    def decode_with(self, source: Path | bytes, then: Callable[[Activity], Result]) -> Result:
        """As `DecoderProcess.decode_with`."""
        return self._with_free(lambda process: process.decode_with(source, then))

    def run(self, work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """As `DecoderProcess.run`."""
        return self._with_free(lambda process: process.run(work, *args, **kwargs))

    def _with_free(self, work: Callable[[DecoderProcess], Result]) -> Result:
        process = self._free.get()
        try:
            return work(process)
        finally:
            self._free.put(process)


class _Decoding(Generic[Result]):
    """A file to decode, with what is to be made of it; goes to the worker whole."""

    def __init__(self, decoder: Decoder, source: Path | bytes, then: Callable[[Activity], Result]) -> None:
        self._decoder = decoder
        self._source = source
        self._then = then

    def __call__(self) -> Result:
        return self._then(self._decoder.decode(self._source))


def _itself(activity: Activity) -> Activity:
    return activity


def _limit_worker(memory_bytes: int, niceness: int) -> None:
    """Runs in the worker. Ctrl-C is the parent's to handle; the limits exist on POSIX only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    if niceness:
        os.nice(niceness)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    # macOS knows the limit but refuses to set it.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


def _end_with_parent() -> None:
    """A parent that was killed tells its workers nothing, and they would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
