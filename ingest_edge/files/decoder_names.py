"""The names of the FIT decoders, for whoever must know them without loading one."""

from __future__ import annotations

DECODER_NAMES = ("native", "fitparse")
DEFAULT_DECODER = "native"
