// What an application does with the contracts, kept true by the compiler (`npm run check`).
import { create, fromBinary, getOption, toBinary } from "@bufbuild/protobuf";
import { Channel } from "../gen/pulsemesh/type/v1/channel_pb.js";
import { method, Retry } from "../gen/pulsemesh/policy/v1/policy_pb.js";
import { SampleBatchSchema, type SampleBatch } from "../gen/pulsemesh/workout/v1/sample_pb.js";
import { WorkoutService } from "../gen/pulsemesh/workout/v1/workout_service_pb.js";

/** Two seconds of heart rate, as they travel: a first value, then differences. */
export function heartRate(startTimeMs: bigint): SampleBatch {
  return create(SampleBatchSchema, {
    startTimeMs,
    timeDeltasMs: [1000],
    columns: [{ channel: Channel.HEART_RATE, deltas: [142, 1] }],
  });
}

/** A message comes back from its bytes. */
export function copy(batch: SampleBatch): SampleBatch {
  return fromBinary(SampleBatchSchema, toBinary(SampleBatchSchema, batch));
}

/** Whether a call may be repeated is read from the contract, as every other client does. */
export function mayRepeatGetWorkout(): boolean {
  const policy = getOption(WorkoutService.method.getWorkout, method);
  return policy.retry === Retry.SAFE || policy.retry === Retry.BY_REQUEST_ID;
}
