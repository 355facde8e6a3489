"""Streams as readers want them: merged, aligned, cut, made short."""

from services.workout.streams.alignment import align
from services.workout.streams.downsampling import Method, downsample
from services.workout.streams.merging import HOLD_MS, ChannelSeries, merge_sources

__all__ = ["HOLD_MS", "ChannelSeries", "Method", "align", "downsample", "merge_sources"]
