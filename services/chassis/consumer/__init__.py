"""Consumers of events: exactly once in effect, with dead letters that can be listed and retried."""

from services.chassis.consumer.consumer import Consumer, Handler
from services.chassis.consumer.dead_letters import DeadLetter

__all__ = ["Consumer", "DeadLetter", "Handler"]
