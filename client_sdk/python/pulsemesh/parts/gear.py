"""Gear: what one trains with, how much, and when it is worn."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import date, datetime
from typing import TypeAlias

from google.protobuf import field_mask_pb2

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.paging import pages
from pulsemesh.parts.times import Sport, SubSport, as_sport, as_sub_sport, as_timestamp
from pulsemesh.profile.v1 import (
    gear_assignment_service_pb2,
    gear_assignment_service_pb2_grpc,
    gear_pb2,
    gear_service_pb2_grpc,
)
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from pulsemesh.ulid import new_ulid

__all__ = ["Gear", "GearKind", "WearMetric"]

GearKind: TypeAlias = gear_pb2.GearKind.ValueType | str
WearMetric: TypeAlias = gear_pb2.WearMetric.ValueType | str

_CHANGEABLE = (
    "name",
    "brand",
    "model",
    "purchased_on",
    "price",
    "weight_g",
    "notes",
    "earlier_use",
)


class Gear:
    """The gear of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = gear_service_pb2_grpc.GearServiceStub(channel.for_stub())
        self._assignment = gear_assignment_service_pb2_grpc.GearAssignmentServiceStub(channel.for_stub())

    async def add(
        self,
        kind: GearKind,
        name: str,
        *,
        component_type: str = "",
        brand: str = "",
        model: str = "",
        purchased_on: date | str = "",
        price: gear_pb2.Price | None = None,
        weight_g: int = 0,
        notes: str = "",
        earlier_distance_m: float = 0.0,
        earlier_duration_s: float = 0.0,
        imported_names: Sequence[str] = (),
        usual_targets: bool = False,
        request_id: str = "",
    ) -> gear_pb2.Gear:
        """Add a bike, a pair of shoes, a component. `component_type` makes it a component.

        Workouts whose file names it, by its name or by `imported_names`, count for it, old
        ones too. `usual_targets` sets the usual limits of a component's type.
        """
        gear = gear_pb2.Gear(
            kind=as_kind(kind),
            name=name,
            component_type=component_type,
            brand=brand,
            model=model,
            purchased_on=str(purchased_on),
            price=price,
            weight_g=weight_g,
            notes=notes,
            earlier_use=gear_pb2.EarlierUse(distance_m=earlier_distance_m, duration_s=earlier_duration_s),
        )
        request = wire.CreateGearRequest(
            gear=gear,
            imported_names=imported_names,
            usual_targets=usual_targets,
            request_id=request_id or new_ulid(),
        )
        return (await self._stub.CreateGear(request)).gear

    async def get(self, gear_id: str) -> gear_pb2.Gear:
        """Return one piece of gear with its usage and targets. Raises `NotFound`."""
        return (await self._stub.GetGear(wire.GetGearRequest(gear_id=gear_id))).gear

    async def list(
        self,
        *,
        kinds: Sequence[GearKind] = (),
        with_retired: bool = False,
        limit: int | None = None,
        page_size: int = 0,
    ) -> AsyncGenerator[gear_pb2.Gear, None]:
        """Give the inventory in the order in which it was added."""

        async def fetch(token: str) -> tuple[Sequence[gear_pb2.Gear], str]:
            request = wire.ListGearRequest(
                kinds=[as_kind(kind) for kind in kinds],
                with_retired=with_retired,
                page_size=page_size,
                page_token=token,
            )
            page = await self._stub.ListGear(request)
            return page.gear, page.next_page_token

        async for gear in pages(fetch, limit):
            yield gear

    async def update(self, gear: gear_pb2.Gear, *fields: str, etag: str = "") -> gear_pb2.Gear:
        """Change `fields` to what they are in `gear`; its `gear_id` says which.

        Raises `ValueError` where nothing is to change.
        """
        if not fields:
            raise ValueError(f"nothing to change: name some of {', '.join(_CHANGEABLE)}")
        request = wire.UpdateGearRequest(
            gear=gear, update_mask=field_mask_pb2.FieldMask(paths=fields), etag=etag
        )
        return (await self._stub.UpdateGear(request)).gear

    async def retire(self, gear_id: str, at: datetime | None = None) -> gear_pb2.Gear:
        """Take gear out of use from `at` on, or from now on."""
        request = wire.RetireGearRequest(gear_id=gear_id, retired_at=as_timestamp(at))
        return (await self._stub.RetireGear(request)).gear

    async def restore(self, gear_id: str) -> gear_pb2.Gear:
        """Put retired gear back into use, as if it had never been retired."""
        return (await self._stub.RestoreGear(wire.RestoreGearRequest(gear_id=gear_id))).gear

    async def delete(self, gear_id: str) -> bool:
        """Delete gear with its words; False where there was nothing left to delete."""
        return (await self._stub.DeleteGear(wire.DeleteGearRequest(gear_id=gear_id))).deleted

    async def component_types(self) -> Sequence[gear_pb2.ComponentType]:
        """Return the types of components that there are."""
        return (await self._stub.ListComponentTypes(wire.ListComponentTypesRequest())).types

    async def install(
        self, component_id: str, gear_id: str, at: datetime | None = None, *, request_id: str = ""
    ) -> gear_pb2.Installation:
        """Put a component on gear, off what it sat on."""
        request = wire.InstallComponentRequest(
            component_id=component_id,
            gear_id=gear_id,
            installed_at=as_timestamp(at),
            request_id=request_id or new_ulid(),
        )
        return (await self._stub.InstallComponent(request)).installation

    async def remove(self, component_id: str, at: datetime | None = None) -> gear_pb2.Installation | None:
        """Take a component off; None where it sat nowhere."""
        request = wire.RemoveComponentRequest(component_id=component_id, removed_at=as_timestamp(at))
        response = await self._stub.RemoveComponent(request)
        return response.installation if response.HasField("installation") else None

    async def correct(
        self,
        installation_id: str,
        *,
        gear_id: str = "",
        installed_at: datetime | None = None,
        removed_at: datetime | None = None,
        not_removed: bool = False,
    ) -> gear_pb2.Installation:
        """Correct what was written down of an installation; usage follows."""
        request = wire.CorrectInstallationRequest(
            installation_id=installation_id, gear_id=gear_id, installed_at=as_timestamp(installed_at)
        )
        removed = as_timestamp(removed_at)
        if removed is not None:
            request.removed_at.CopyFrom(removed)
        elif not_removed:
            request.not_removed = True
        return (await self._stub.CorrectInstallation(request)).installation

    async def delete_installation(self, installation_id: str) -> bool:
        """Delete an installation that never was; False where there is none."""
        request = wire.DeleteInstallationRequest(installation_id=installation_id)
        return (await self._stub.DeleteInstallation(request)).deleted

    async def installations(
        self, gear_id: str, *, current: bool = False, limit: int | None = None
    ) -> AsyncGenerator[gear_pb2.Installation, None]:
        """Give where a component sat, or what sat on gear, the latest first."""

        async def fetch(token: str) -> tuple[Sequence[gear_pb2.Installation], str]:
            request = wire.ListInstallationsRequest(gear_id=gear_id, current=current, page_token=token)
            page = await self._stub.ListInstallations(request)
            return page.installations, page.next_page_token

        async for installation in pages(fetch, limit):
            yield installation

    async def add_service(
        self,
        gear_id: str,
        description: str,
        at: datetime,
        *,
        cost: gear_pb2.Price | None = None,
        resets: Sequence[WearMetric] = (),
        request_id: str = "",
    ) -> gear_pb2.ServiceRecord:
        """Write down what was done to gear; targets of the metrics in `resets` count anew."""
        record = gear_pb2.ServiceRecord(
            description=description,
            serviced_at=as_timestamp(at),
            cost=cost,
            resets=[as_metric(metric) for metric in resets],
        )
        request = wire.AddServiceRecordRequest(
            gear_id=gear_id, record=record, request_id=request_id or new_ulid()
        )
        return (await self._stub.AddServiceRecord(request)).record

    async def services(
        self, gear_id: str, *, limit: int | None = None
    ) -> AsyncGenerator[gear_pb2.ServiceRecord, None]:
        """Give the service log of gear, the latest first."""

        async def fetch(token: str) -> tuple[Sequence[gear_pb2.ServiceRecord], str]:
            page = await self._stub.ListServiceRecords(
                wire.ListServiceRecordsRequest(gear_id=gear_id, page_token=token)
            )
            return page.records, page.next_page_token

        async for record in pages(fetch, limit):
            yield record

    async def delete_service(self, record_id: str) -> bool:
        """Delete a line of a service log; False where there is none."""
        request = wire.DeleteServiceRecordRequest(record_id=record_id)
        return (await self._stub.DeleteServiceRecord(request)).deleted

    async def set_target(
        self, gear_id: str, metric: WearMetric, limit: float, *, counted_from: datetime | None = None
    ) -> gear_pb2.Gear:
        """Set when gear is worn: metres of distance, seconds of duration, or days of age."""
        request = wire.SetWearTargetRequest(
            gear_id=gear_id, metric=as_metric(metric), limit=limit, counted_from=as_timestamp(counted_from)
        )
        return (await self._stub.SetWearTarget(request)).gear

    async def delete_target(self, gear_id: str, metric: WearMetric) -> bool:
        """Take a target away; False where there is none."""
        request = wire.DeleteWearTargetRequest(gear_id=gear_id, metric=as_metric(metric))
        return (await self._stub.DeleteWearTarget(request)).deleted

    async def alerts(self) -> Sequence[wire.WearAlert]:
        """Return the targets that have come to 90 per cent or more, the most worn first."""
        return (await self._stub.ListAlerts(wire.ListAlertsRequest())).alerts

    async def assign(self, workout_id: str, gear_ids: Sequence[str]) -> Sequence[gear_pb2.WorkoutGear]:
        """Say what a workout was done with, whatever the rules say; nothing at all, too."""
        request = gear_assignment_service_pb2.SetWorkoutGearRequest(workout_id=workout_id, gear_ids=gear_ids)
        return (await self._assignment.SetWorkoutGear(request)).gear

    async def assign_by_rules(self, workout_id: str) -> Sequence[gear_pb2.WorkoutGear]:
        """Let the rules decide again what a workout was done with."""
        request = gear_assignment_service_pb2.SetWorkoutGearRequest(workout_id=workout_id, by_rules=True)
        return (await self._assignment.SetWorkoutGear(request)).gear

    async def of_workout(self, workout_id: str) -> gear_assignment_service_pb2.GetWorkoutGearResponse:
        """Return what a workout was done with, and whether its owner said so."""
        request = gear_assignment_service_pb2.GetWorkoutGearRequest(workout_id=workout_id)
        return await self._assignment.GetWorkoutGear(request)

    async def workouts(
        self, gear_id: str, *, limit: int | None = None
    ) -> AsyncGenerator[gear_assignment_service_pb2.GearWorkout, None]:
        """Give the workouts that count for gear, the latest start first."""

        async def fetch(token: str) -> tuple[Sequence[gear_assignment_service_pb2.GearWorkout], str]:
            page = await self._assignment.ListGearWorkouts(
                gear_assignment_service_pb2.ListGearWorkoutsRequest(gear_id=gear_id, page_token=token)
            )
            return page.workouts, page.next_page_token

        async for workout in pages(fetch, limit):
            yield workout

    async def set_rule(
        self,
        gear_ids: Sequence[str],
        *,
        sport: Sport | None = None,
        sub_sport: SubSport | None = None,
        device_id: str = "",
        imported_name: str = "",
        old_workouts_too: bool = False,
        dry_run: bool = False,
    ) -> int:
        """Set the gear of a sport, of a sensor, or of an imported name: exactly one of them.

        Without gear the rule ends. Returns how many workouts got other gear, or would have.
        """
        if sum((sport is not None, bool(device_id), bool(imported_name))) != 1:
            raise ValueError("give a sport, a device_id or an imported_name")
        key = gear_pb2.GearRuleKey()
        if sport is not None:
            key.sport.sport = as_sport(sport)
            key.sport.sub_sport = as_sub_sport(sub_sport or 0)  # type: ignore[arg-type]
        elif device_id:
            key.device_id = device_id
        else:
            key.imported_name = imported_name
        request = gear_assignment_service_pb2.SetGearRuleRequest(
            key=key, gear_ids=gear_ids, old_workouts_too=old_workouts_too, dry_run=dry_run
        )
        return (await self._assignment.SetGearRule(request)).workouts

    async def rules(self) -> Sequence[gear_pb2.GearRule]:
        """Return the rules that are in force now."""
        request = gear_assignment_service_pb2.ListGearRulesRequest()
        return (await self._assignment.ListGearRules(request)).rules

    async def seen(self) -> gear_assignment_service_pb2.ListSeenResponse:
        """Return the sensors and imported names that workouts brought."""
        return await self._assignment.ListSeen(gear_assignment_service_pb2.ListSeenRequest())

    async def recompute(self, *, dry_run: bool = False) -> gear_assignment_service_pb2.RecomputeGearResponse:
        """Count everything again from the workouts, and put right what differs."""
        request = gear_assignment_service_pb2.RecomputeGearRequest(dry_run=dry_run)
        return await self._assignment.RecomputeGear(request)


def as_kind(kind: GearKind) -> gear_pb2.GearKind.ValueType:
    """Return a kind by number, or by name: `bike`. Raises `ValueError` for an unknown name."""
    return gear_pb2.GearKind.Value(f"GEAR_KIND_{kind.upper()}") if isinstance(kind, str) else kind


def as_metric(metric: WearMetric) -> gear_pb2.WearMetric.ValueType:
    """Return a metric by number, or by name: `distance`. Raises `ValueError` for an unknown name."""
    if isinstance(metric, str):
        return gear_pb2.WearMetric.Value(f"WEAR_METRIC_{metric.upper()}")
    return metric
