"""A gRPC channel without a wire: unchanged stubs call unchanged servicers in the same process."""

from services.chassis.inprocess.channel import InProcessChannel

__all__ = ["InProcessChannel"]
