"""Starts the platform on embedded defaults and does the main job on it, with the commands a user would type.

Simulated sensors are recorded live; one of them drops out on purpose and comes back. Then a folder of FIT
files is imported, analysed, compared, and taken away again. Everything lives in `.data/demo`; a second run
finds what the first left and names the duplicates. Exit code 0 when everything went as it should.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(".data/demo")
BIN = Path(sys.executable).parent
RECORD_SECONDS = 24
PATIENCE_S = 60


class DemoFailed(Exception):
    """A step did not go as it should."""


def say(text: str = "") -> None:
    """Print a line of the demo itself."""
    print(text, flush=True)


def step(number: int, title: str) -> None:
    """Print the heading of a step."""
    say(f"\n\033[1m{number}. {title}\033[0m" if sys.stdout.isatty() else f"\n{number}. {title}")


def run(command: str, environment: dict[str, str], *, expected: tuple[int, ...] = (0,)) -> None:
    """Run a command as a user would type it, showing it first. Raises `DemoFailed` on another exit code."""
    say(f"$ {command}")
    words = shlex.split(command)
    code = subprocess.run([str(BIN / words[0]), *words[1:]], env=environment, check=False).returncode
    if code not in expected:
        raise DemoFailed(f"`{command}` ended with exit code {code}")


@contextlib.contextmanager
def platform() -> Iterator[str]:
    """Run the platform until the block ends; give its address."""
    ready, log = FOLDER / "platform.ready", FOLDER / "platform.log"
    ready.unlink(missing_ok=True)
    command = f"pulsemesh-server serve --listen 127.0.0.1:0 --data-dir {FOLDER / 'platform'}"
    say(f"$ {command}")
    with log.open("ab") as output:
        words = shlex.split(command)
        process = subprocess.Popen(
            [str(BIN / words[0]), *words[1:], "--ready-file", str(ready)], stdout=output, stderr=output
        )
    try:
        yield _address(process, ready, log)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _address(process: subprocess.Popen[bytes], ready: Path, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoFailed(f"the platform ended with exit code {process.returncode}; see {log}")
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            address: str = json.loads(ready.read_text())["address"]
            return address
        time.sleep(0.05)
    raise DemoFailed(f"the platform did not start within {PATIENCE_S} s; see {log}")


def main_job(address: str) -> None:
    """Record sensors, import files, look at the result."""
    home = FOLDER / "edge"
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "PULSEMESH_EDGE_HOME": str(home),
        "PULSEMESH_EDGE_TARGET": address,
        "PULSEMESH_EDGE_LOGIN": "demo",
        "PULSEMESH_TARGET": address,
        "XDG_CONFIG_HOME": str(FOLDER / "config"),
    }
    step(2, "Three simulated sensors, found over an emulated Bluetooth and remembered")
    run("pulsemesh-edge simulate sensors -- pulsemesh-edge scan --remember all", environment)

    step(3, f"A live recording of {RECORD_SECONDS} s; the power meter drops out for a while and comes back")
    run(
        "pulsemesh-edge simulate sensors --dropout-after 8 --dropout-for 5 -- "
        f"pulsemesh-edge record --new --seconds {RECORD_SECONDS} --title 'Live on the trainer'",
        environment,
    )

    step(4, "A folder of FIT files: rides, a run done twice, a swim, and one that was cut off")
    files = FOLDER / "files"
    run(f"pulsemesh-edge simulate files {files} --start 2026-01-12", environment)
    run(f"pulsemesh-edge inspect {files / 'cut-off-ride.fit'}", environment, expected=(3,))
    run(f"pulsemesh-edge import {files}", environment)

    step(5, "What the platform made of them")
    run("pulsemesh login demo", environment)
    run("pulsemesh list", environment)
    run("pulsemesh show latest", environment)
    analysis(environment)


def analysis(environment: dict[str, str]) -> None:
    """Say the athlete's thresholds; look at one workout, at two beside each other, and at all of them."""
    step(6, "The analysis: once the thresholds are known, every workout is analysed again")
    run(
        "pulsemesh thresholds set --since-ever --ftp 255 --critical-power 250 --w-prime 18000 "
        "--threshold-heart-rate 168 --max-heart-rate 187 --resting-heart-rate 48 "
        "--threshold-speed 3.9 --wait",
        environment,
    )
    ride, *_ = workouts(environment, "--sport cycling --before 2026-01-13")
    run(f"pulsemesh show {ride} --no-plot", environment)
    run(f"pulsemesh show {ride} -o {FOLDER / 'ride.html'}", environment)

    step(7, "The same run twice: what changed, in words, numbers and curves")
    again, before = workouts(environment, "--sport running")
    run(f"pulsemesh compare {before} {again} --output {FOLDER / 'comparison.svg'}", environment)

    step(8, "Fitness, records, and everything taken away")
    fitness = "pulsemesh fitness --from 2026-01-05 --to 2026-02-15"
    run(f"{fitness} --output {FOLDER / 'fitness.png'}", environment)
    run("pulsemesh records --sport running", environment)
    run(f"pulsemesh export --all -o {FOLDER / 'everything.zip'}", environment)


def workouts(environment: dict[str, str], options: str) -> list[str]:
    """The ends of the ids of the workouts that `pulsemesh list` finds, the latest start first."""
    words = shlex.split(f"pulsemesh list --json {options}")
    listed = subprocess.run(
        [str(BIN / words[0]), *words[1:]], env=environment, check=True, stdout=subprocess.PIPE
    ).stdout
    return [json.loads(line)["workout_id"][-8:] for line in listed.splitlines()]


def main() -> int:
    """Run the demo; return its exit code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        step(1, "The platform: every service in one process, SQLite, nothing else needed")
        with platform() as address:
            say(f"listening on {address}")
            main_job(address)
    except DemoFailed as failure:
        say(f"\nThe demo did not get through: {failure}")
        return 1
    say(f"\nDone in {time.monotonic() - began:.0f} s. What to try next:")
    say("  make demo        once more: the files are recognised as duplicates")
    say("  make up          keep the platform running, then in another terminal:")
    say("    .venv/bin/pulsemesh-edge simulate sensors -- .venv/bin/pulsemesh-edge --login me record")
    say("    .venv/bin/pulsemesh-edge --login me import YOUR-FILES")
    say("    .venv/bin/pulsemesh login me && .venv/bin/pulsemesh list")
    return 0


if __name__ == "__main__":
    sys.exit(main())
