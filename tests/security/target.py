"""What the security tests attack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

from services.chassis.policy import MethodInfo
from services.host.platform import Platform
from tests.security.tokens import TokenMint


@dataclass
class Target:
    """What is attacked.

    Attributes:
        folder: of its data, and of the key set.
        methods: those of the contracts that are served.
        unserved: paths of those that no service has yet.
    """

    platform: Platform
    folder: Path
    channel: grpc.aio.Channel
    mint: TokenMint
    methods: list[MethodInfo]
    unserved: list[str]
