"""The library needs grpcio and protobuf, and nothing else; extras are imported where they are used."""

from __future__ import annotations

import subprocess
import sys

ALLOWED = {"grpc", "google", "pulsemesh", "buf", "typing_extensions", "cython_runtime"}
# grpc imports these by itself where they happen to be installed.
OF_GRPC = {"grpc_tools", "grpc_health", "grpc_reflection", "grpc_status"}

IMPORTED = """
import sys
import pulsemesh, pulsemesh.sync, pulsemesh.ingest.session, pulsemesh.testing
print(" ".join({name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)))
"""

BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "rich":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from pulsemesh.cli.main import main
main()
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_importing_the_library_imports_nothing_but_its_dependencies() -> None:
    done = run(IMPORTED)
    assert done.returncode == 0, done.stderr
    found = {name for name in done.stdout.split() if not name.startswith("_")}
    assert found <= ALLOWED | OF_GRPC


def test_the_command_without_its_extra_says_what_to_install() -> None:
    done = run(BLOCKED)
    assert done.returncode == 1
    assert "pip install 'pulsemesh[cli]'" in done.stderr
    assert "Traceback" not in done.stderr
