"""Decoding in a process of its own: a hostile or merely unlucky file can neither hang nor crash the edge."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest_edge.files.activity import Activity
from ingest_edge.files.decoder import Decoder, UnreadableFile

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MEMORY_BYTES = 2 * 1024**3
"""Of address space, most of which the interpreter and numpy map without using it."""

_START_TIMEOUT_S = 60.0


class DecoderProcess:
    """One worker process that decodes files one after another and is replaced when a file breaks it.

    The process is spawned at the first file (a few tenths of a second) and reused. Calls block: from asyncio
    use `await asyncio.to_thread(process.decode, path)`. Threads may share an object; they take turns. Use it
    as a context manager or call `close`.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
    ) -> None:
        self._decoder = decoder
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
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

    def decode(self, source: Path | bytes) -> Activity:
        """As `Decoder.decode`; `UnreadableFile` where a file takes too long or too much memory."""
        with self._turn:
            future = self._started().submit(_decode, self._decoder, source)
            return self._outcome(future)

    def _outcome(self, future: Future[Activity]) -> Activity:
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
                initargs=(self._memory_bytes,),
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


def _decode(decoder: Decoder, source: Path | bytes) -> Activity:
    return decoder.decode(source)


def _limit_worker(memory_bytes: int) -> None:
    """Runs in the worker. Ctrl-C is the parent's to handle; the memory limit exists on POSIX only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    # macOS knows the limit but refuses to set it.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
