"""From a plain servicer to handlers that keep the contract's policy."""

from services.chassis.pipeline.collector import ServiceCollector
from services.chassis.pipeline.draining import Draining
from services.chassis.pipeline.ports import AnswerCache, PipelinePorts

__all__ = ["AnswerCache", "Draining", "PipelinePorts", "ServiceCollector"]
