"""`pulsemesh-edge status`."""

from __future__ import annotations

import asyncio

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.output import Output, local_time, size
from ingest_edge.cli.remembered import load_sensors
from ingest_edge.cli.running import Edge
from ingest_edge.cli.sensing import named
from ingest_edge.spool import SpooledRecording, SpoolStatus, read_status


@click.command("status")
@json_option
@pass_edge
def status_command(edge: EdgeContext, as_json: bool) -> None:
    """Say what waits in the spool, and how much room there is.

    Works while another pulsemesh-edge records or uploads.
    """
    edge.run(_status, as_json=as_json)


async def _status(edge: Edge) -> ExitCode:
    output = edge.output
    for sensor in load_sensors(edge.settings.home):
        output.event("sensor", **sensor.to_json())
        output.line(f"sensor     {named(sensor)}")
    status = await asyncio.to_thread(read_status, edge.settings.spool_folder, edge.settings.limits)
    if status is None:
        output.event("spool", path=str(edge.settings.spool_folder), exists=False)
        output.line(f"The spool {edge.settings.spool_folder} is empty: nothing was recorded yet.")
        return ExitCode.GOOD
    _say_spool(output, status)
    for recording in status.waiting:
        _say_recording(output, recording)
    for recording in status.failed:
        _say_recording(output, recording)
    _say_files(output, status)
    return ExitCode.SOME_FAILED if status.failed or not status.accepts_samples else ExitCode.GOOD


def _say_spool(output: Output, status: SpoolStatus) -> None:
    output.event(
        "spool",
        path=status.path,
        exists=True,
        used_bytes=status.used_bytes,
        max_bytes=status.limits.max_bytes,
        free_disk_bytes=status.free_disk_bytes,
        accepts_new_recordings=status.accepts_new_recordings,
        accepts_samples=status.accepts_samples,
        waiting_recordings=len(status.waiting),
        waiting_samples=status.waiting_samples,
        failed_recordings=len(status.failed),
        closed_recordings=status.closed,
        waiting_files=len(status.originals_waiting),
        damaged_spools=list(status.damaged_files),
    )
    output.line(f"spool      {status.path}")
    output.line(
        f"room       {size(status.used_bytes)} of {size(status.limits.max_bytes)} used, "
        f"{size(status.free_disk_bytes)} free on the disk"
    )
    if not status.accepts_samples:
        output.line("           FULL: samples are refused until something was uploaded")
    elif not status.accepts_new_recordings:
        output.line("           nearly full: no new recording is begun until something was uploaded")
    output.line(
        f"waiting    {len(status.waiting)} recordings with {status.waiting_samples} samples, "
        f"{len(status.originals_waiting)} files"
    )
    output.line(f"uploaded   {status.closed} recordings")
    for damaged in status.damaged_files:
        output.line(f"damaged    {damaged} was moved aside earlier; remove it once it is rescued or given up")


def _say_recording(output: Output, recording: SpooledRecording) -> None:
    lost = sum(source.lost for source in recording.sources)
    rejected = sum(source.rejected for source in recording.sources)
    output.event(
        "recording",
        recording_id=recording.recording_id,
        origin=recording.kind,
        state=recording.state,
        start_time_ms=recording.start_time_ms,
        samples=recording.samples,
        waiting_samples=recording.waiting_samples,
        lost_samples=lost,
        set_aside_samples=rejected,
        reason=recording.failure,
        sources={source.source_id: source.next_sequence for source in recording.sources},
    )
    notes = [f"{recording.waiting_samples} of {recording.samples} samples wait"]
    notes += [f"{lost} lost for lack of room"] if lost else []
    notes += [f"{rejected} set aside"] if rejected else []
    notes += [recording.failure] if recording.failure else []
    output.line(f"{recording.state:<10} {local_time(recording.start_time_ms)}  {'; '.join(notes)}")


def _say_files(output: Output, status: SpoolStatus) -> None:
    for one in status.originals_failed:
        output.event("file", path=one.original.path, state=one.state, reason=one.failure)
        output.line(f"not sent   {one.original.path}: {one.failure}")
    for seen in status.refused_files:
        output.event("file", path=seen.path, state=seen.outcome, reason=seen.reason)
        output.line(f"{seen.outcome:<10} {seen.path}: {seen.reason}")
    for aside in status.set_aside:
        output.event(
            "set_aside",
            recording_id=aside.recording_id,
            source_id=aside.source_id,
            first_sequence=aside.first_sequence,
            samples=aside.samples,
            reason=aside.reason,
            detail=aside.detail,
        )
        output.line(
            f"set aside  {aside.samples} samples of {aside.source_id}: {aside.reason}, {aside.detail}"
        )
