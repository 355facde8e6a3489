from __future__ import annotations

import pytest

from pulsemesh import samples
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.ingest import machine
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import sample_pb2

HEART_RATE = channel_pb2.CHANNEL_HEART_RATE
POWER = channel_pb2.CHANNEL_POWER
START_MS = 1_700_000_000_000
LIMITS = machine.Limits(credit=4, max_batch_samples=10, heartbeat_interval_s=10)


def opening(sources: int = 1) -> wire.OpenRecording:
    request = wire.OpenRecording(recording_id="0" * 26, writer_id="w", start_time_ms=START_MS)
    for index in range(sources):
        request.sources.add(source_id=f"s{index}", channels=[HEART_RATE])
    return request


def batch(first: int, count: int, source: int = 0, channel: int = HEART_RATE) -> sample_pb2.SampleBatch:
    times = [START_MS + 1000 * number for number in range(first, first + count)]
    return samples.encode_batch(source, first, times, {channel: [*range(count)]})


def open_server(*held: int, complete: bool = False) -> machine.ServerSession:
    server = machine.ServerSession(LIMITS, now_s=0)
    server.receive(wire.StreamSamplesRequest(open=opening(len(held))), now_s=0, now_ms=START_MS)
    known = [machine.SourceState(count, frozenset({HEART_RATE}), complete) for count in held]
    server.opened(known, start_ms=START_MS, resumed=False, now_ms=START_MS)
    return server


def receive(server: machine.ServerSession, one: sample_pb2.SampleBatch) -> list[machine.ServerEffect]:
    return server.receive(wire.StreamSamplesRequest(batch=one), now_s=0, now_ms=START_MS)


def open_client(*held: int, credit: int = 4) -> machine.ClientSession:
    client = machine.ClientSession(opening(len(held)), now_s=0)
    client.start(0)
    answer = wire.Opened(
        next_sequences=held, credit=credit, max_batch_samples=10, heartbeat_interval_ms=10_000
    )
    client.receive(wire.StreamSamplesResponse(opened=answer), 0)
    return client


def stored(effects: list[machine.ServerEffect]) -> machine.StoreBatch:
    [effect] = effects
    assert isinstance(effect, machine.StoreBatch)
    return effect


def rejection(effects: list[machine.ServerEffect]) -> wire.Rejection:
    [effect] = effects
    assert isinstance(effect, machine.SendResponse)
    assert effect.response.HasField("rejection")
    return effect.response.rejection


def failure(
    effects: list[machine.ServerEffect] | list[machine.ClientEffect],
) -> reason_pb2.ErrorReason.ValueType:
    [effect] = effects
    assert isinstance(effect, machine.Failed)
    return effect.reason


def test_the_next_batch_is_stored_whole() -> None:
    effect = stored(receive(open_server(5), batch(5, 3)))
    assert (effect.first_sequence, effect.count, effect.batch) == (5, 3, batch(5, 3))


def test_a_batch_that_overlaps_what_is_held_is_stored_without_the_overlap() -> None:
    effect = stored(receive(open_server(5), batch(3, 4)))
    assert effect.batch is not None
    assert (effect.first_sequence, effect.count) == (5, 2)
    assert samples.decode_batch(effect.batch).columns == {HEART_RATE: [2, 3]}


def test_a_repeated_batch_is_acknowledged_and_not_stored() -> None:
    server = open_server(5)
    assert receive(server, batch(2, 3)) == []
    ack = server.take_ack()
    assert ack == wire.Ack(sources=[wire.SourceAck(source=0, next_sequence=5)], credit=1)


def test_a_batch_is_not_acknowledged_before_it_is_committed() -> None:
    server = open_server(0)
    effect = stored(receive(server, batch(0, 3)))
    assert server.take_ack() is None
    server.committed(effect)
    assert server.take_ack() == wire.Ack(sources=[wire.SourceAck(source=0, next_sequence=3)], credit=1)


def test_a_repeat_of_a_batch_that_is_still_being_committed_is_not_acknowledged_as_committed() -> None:
    server = open_server(0)
    receive(server, batch(0, 3))
    assert receive(server, batch(0, 3)) == []
    assert server.take_ack() == wire.Ack(sources=[wire.SourceAck(source=0, next_sequence=0)], credit=1)


def test_a_batch_beyond_a_gap_is_rejected_with_the_sequence_to_go_back_to() -> None:
    refused = rejection(receive(open_server(5), batch(8, 2)))
    assert refused.reason == wire.REJECTION_REASON_SEQUENCE_GAP
    assert refused.remedy == wire.REJECTION_REMEDY_RESEND
    assert refused.next_sequence == 5


def test_a_bad_batch_is_set_aside_only_when_its_place_is_durable_and_the_next_goes_on() -> None:
    server = open_server(0)
    bad = stored(receive(server, batch(0, 3, channel=POWER)))
    assert bad.batch is None
    good = stored(receive(server, batch(3, 2)))
    assert server.take_ack() is None
    refused = rejection(server.committed(bad))
    assert refused.reason == wire.REJECTION_REASON_CHANNEL_NOT_ANNOUNCED
    assert (refused.first_sequence, refused.samples, refused.field) == (0, 3, "columns[0].channel")
    assert server.committed(good) == []
    assert server.take_ack() == wire.Ack(sources=[wire.SourceAck(source=0, next_sequence=5)], credit=2)


def test_a_batch_of_an_unknown_source_is_set_aside_and_the_session_goes_on() -> None:
    server = open_server(0)
    assert rejection(receive(server, batch(0, 3, source=7))).reason == wire.REJECTION_REASON_SOURCE_UNKNOWN
    stored(receive(server, batch(0, 3)))


def test_a_batch_for_a_complete_source_is_set_aside() -> None:
    server = open_server(4, complete=True)
    effect = stored(receive(server, batch(4, 1)))
    assert rejection(server.committed(effect)).reason == wire.REJECTION_REASON_SOURCE_COMPLETE


def test_a_client_that_exceeds_its_credit_is_refused() -> None:
    server = open_server(0)
    for number in range(LIMITS.credit):
        receive(server, batch(number, 1))
    effects = receive(server, batch(LIMITS.credit, 1))
    assert failure(effects) == reason_pb2.ERROR_REASON_CREDIT_EXCEEDED


def test_a_finish_waits_for_the_batches_before_it_to_be_committed() -> None:
    server = open_server(0)
    effect = stored(receive(server, batch(0, 3)))
    finish = wire.FinishRecording(sample_counts=[3])
    assert server.receive(wire.StreamSamplesRequest(finish=finish), now_s=0, now_ms=START_MS) == []
    assert server.committed(effect) == [machine.FinishRequested(finish)]


def test_after_incomplete_the_client_sends_what_is_missing() -> None:
    client = open_client(0)
    client.send_batch(batch(0, 3), 0)
    client.finish(wire.FinishRecording(sample_counts=[3]), 0)
    client.receive(wire.StreamSamplesResponse(incomplete=wire.Incomplete(next_sequences=[1])), 0)
    assert client.wanted() == [machine.Wanted(0, 1, 10)]


def test_a_batch_before_the_open_is_a_violation() -> None:
    server = machine.ServerSession(LIMITS, now_s=0)
    assert failure(receive(server, batch(0, 1))) == reason_pb2.ERROR_REASON_PROTOCOL_VIOLATION


def test_a_second_open_is_a_violation() -> None:
    effects = open_server(0).receive(wire.StreamSamplesRequest(open=opening()), now_s=0, now_ms=START_MS)
    assert failure(effects) == reason_pb2.ERROR_REASON_PROTOCOL_VIOLATION


def test_the_same_source_named_twice_is_a_violation() -> None:
    request = opening(2)
    request.sources[1].source_id = request.sources[0].source_id
    server = machine.ServerSession(LIMITS, now_s=0)
    effects = server.receive(wire.StreamSamplesRequest(open=request), now_s=0, now_ms=START_MS)
    assert failure(effects) == reason_pb2.ERROR_REASON_PROTOCOL_VIOLATION


def test_a_finish_that_does_not_count_every_source_is_a_violation() -> None:
    finish = wire.FinishRecording(sample_counts=[1])
    effects = open_server(0, 0).receive(wire.StreamSamplesRequest(finish=finish), now_s=0, now_ms=START_MS)
    assert failure(effects) == reason_pb2.ERROR_REASON_PROTOCOL_VIOLATION


def test_a_resumed_client_goes_on_from_what_the_server_holds() -> None:
    assert open_client(7, 2).wanted() == [machine.Wanted(0, 7, 10), machine.Wanted(1, 2, 10)]


def test_a_client_without_credit_wants_nothing_until_an_ack() -> None:
    client = open_client(0, credit=1)
    client.send_batch(batch(0, 3), 0)
    assert client.wanted() == []
    ack = wire.Ack(sources=[wire.SourceAck(source=0, next_sequence=3)], credit=1)
    effects = client.receive(wire.StreamSamplesResponse(ack=ack), 0)
    assert effects == [machine.Acknowledged(0, 3)]
    assert client.wanted() == [machine.Wanted(0, 3, 10)]


def test_sources_take_turns() -> None:
    client = open_client(0, 0)
    client.send_batch(batch(0, 1), 0)
    assert [wanted.source for wanted in client.wanted()] == [1, 0]


def test_a_gap_sends_the_client_back_once_for_all_batches_rejected_by_it() -> None:
    client = open_client(0)
    for first in (0, 2, 4):
        client.send_batch(batch(first, 2), 0)
    gap = wire.Rejection(first_sequence=2, remedy=wire.REJECTION_REMEDY_RESEND, next_sequence=0)
    client.receive(wire.StreamSamplesResponse(rejection=gap), 0)
    assert client.cursor(0) == 0
    client.send_batch(batch(0, 6), 0)
    stale = wire.Rejection(first_sequence=4, remedy=wire.REJECTION_REMEDY_RESEND, next_sequence=0)
    client.receive(wire.StreamSamplesResponse(rejection=stale), 0)
    assert client.cursor(0) == 6


def test_a_batch_that_does_not_begin_at_the_cursor_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="3 is next"):
        open_client(3).send_batch(batch(5, 1), 0)


def test_a_silent_client_sends_a_heartbeat_and_the_server_answers_it() -> None:
    client = open_client(0)
    [effect] = client.tick(10)
    assert isinstance(effect, machine.SendRequest)
    [answer] = open_server(0).receive(effect.request, now_s=10, now_ms=START_MS + 10_000)
    assert isinstance(answer, machine.SendResponse)
    assert client.receive(answer.response, 11) == []


@pytest.mark.parametrize("side", ["client", "server"])
def test_three_missed_heartbeats_end_the_session(side: str) -> None:
    session = open_client(0) if side == "client" else open_server(0)
    assert session.tick(29.9)[1:] == []
    assert failure(session.tick(30.1)) == reason_pb2.ERROR_REASON_HEARTBEAT_MISSED


def test_a_recording_that_was_closed_before_ends_the_session_at_once() -> None:
    client = machine.ClientSession(opening(), now_s=0)
    client.start(0)
    closed = wire.Closed(workout_id="W", already_closed=True)
    assert client.receive(wire.StreamSamplesResponse(closed=closed), 0) == [machine.Ended(closed)]
    assert client.state is machine.ClientState.ENDED


@pytest.mark.parametrize(
    ("table", "ends"),
    [
        (machine.CLIENT_TRANSITIONS, (machine.ClientState.ENDED, machine.ClientState.FAILED)),
        (machine.SERVER_TRANSITIONS, (machine.ServerState.CLOSED, machine.ServerState.FAILED)),
    ],
)
def test_nothing_leads_out_of_an_end_state_and_every_state_can_be_reached(table, ends) -> None:  # type: ignore[no-untyped-def]
    sources = {state for state, _ in table}
    assert not sources & set(ends)
    assert sources - set(table.values()) <= {machine.ClientState.IDLE, machine.ServerState.AWAITING_OPEN}
