"""A cheap client of many ingest streams: batches are made once and sent as bytes; the server is the limit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc
import grpc.aio

from pulsemesh import samples
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire

PATH = "/pulsemesh.workout.v1.IngestService/StreamSamples"
CHANNELS = (
    channel_pb2.CHANNEL_HEART_RATE,
    channel_pb2.CHANNEL_POWER,
    channel_pb2.CHANNEL_CADENCE,
    channel_pb2.CHANNEL_SPEED,
)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def recording_id(number: int) -> str:
    """Return a ULID-shaped id for stream `number` of a fresh run."""
    return _base32(time.time_ns(), 16) + _base32(number, 10)


def _base32(value: int, width: int) -> str:
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(width)))


def opening(recording: str, start_ms: int) -> bytes:
    """Return the serialised first message of a stream with one source of four channels."""
    request = wire.OpenRecording(recording_id=recording, writer_id="bench", start_time_ms=start_ms)
    request.sources.add(source_id="bench/all", channels=CHANNELS)
    return wire.StreamSamplesRequest(open=request).SerializeToString()


def batches(count: int, size: int, start_ms: int) -> list[bytes]:
    """Return `count` serialised batches of `size` samples at one a second."""
    made = []
    for number in range(count):
        first = number * size
        numbers = range(first, first + size)
        batch = samples.encode_batch(
            0,
            first,
            [start_ms + 1000 * one for one in numbers],
            {
                CHANNELS[0]: [120 + one * 7 % 40 for one in numbers],
                CHANNELS[1]: [180 + one * 13 % 90 for one in numbers],
                CHANNELS[2]: [850 + one * 5 % 60 for one in numbers],
                CHANNELS[3]: [9000 + one * 31 % 900 for one in numbers],
            },
        )
        made.append(wire.StreamSamplesRequest(batch=batch).SerializeToString())
    return made


@dataclass
class Tally:
    """What all streams of a run saw."""

    acked: int = 0
    opened: int = 0
    failed: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    def note(self, error: BaseException) -> None:
        """Count a stream that broke."""
        self.failed += 1
        name = error.code().name if isinstance(error, grpc.aio.AioRpcError) else type(error).__name__
        self.errors[name] = self.errors.get(name, 0) + 1

    def percentile_s(self, share: float) -> float:
        """Return a percentile of the ack latencies."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def open_channels(address: str, count: int) -> list[grpc.aio.Channel]:
    """Return channels that do not share a connection."""
    return [
        grpc.aio.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        )
        for _ in range(count)
    ]


Stream = grpc.aio.StreamStreamCall[bytes, wire.StreamSamplesResponse]


def call(channel: grpc.aio.Channel, user: str) -> Stream:
    """Begin one ingest stream of one user."""
    method = channel.stream_stream(PATH, response_deserializer=wire.StreamSamplesResponse.FromString)
    return method(metadata=(("authorization", f"Bearer {user}"),))


async def open_stream(channel: grpc.aio.Channel, number: int, start_ms: int) -> tuple[Stream, int]:
    """Open a recording of its own on a new stream; return the stream and its credit."""
    stream = call(channel, f"user{number}")
    await stream.write(opening(recording_id(number), start_ms))
    first = await stream.read()
    if not isinstance(first, wire.StreamSamplesResponse):
        raise ConnectionError("the server ended the stream")
    return stream, first.opened.credit


async def pump(stream: Stream, credit: int, payload: Sequence[bytes], tally: Tally) -> None:
    """Send the batches within the credit that the server gives, until all are acknowledged."""
    sent = acked = 0
    while acked < len(payload):
        while credit and sent < len(payload):
            await stream.write(payload[sent])
            credit, sent = credit - 1, sent + 1
        response = await stream.read()
        if not isinstance(response, wire.StreamSamplesResponse):
            raise ConnectionError("the server ended the stream")
        credit += response.ack.credit
        acked += response.ack.credit
        tally.acked += response.ack.credit
