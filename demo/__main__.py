"""Starts the platform behind its gateway and does the main job on it, with the commands a user would type.

Somebody signs up, says what they allow, and lets a sensor gateway in. Simulated sensors are recorded live;
one of them drops out on purpose and comes back. Then a folder of FIT files is imported, analysed, compared,
and taken away again. All of it travels through the real Envoy over TLS where there is one for the machine.
Everything lives in `.data/demo`; a second run signs in again, finds what the first left and names the
duplicates. Exit code 0 when everything went as it should.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

FOLDER = Path(".data/demo")
BIN = Path(sys.executable).parent
PLATFORM, HOME = FOLDER / "platform", FOLDER / "edge"
AUTHORITY = PLATFORM / "certificates" / "authority.pem"
ADDRESS, PASSWORD = "demo@example.org", "an athlete of the demo"
CONSENTS = "training_analysis health_data precise_location"
RECORD_SECONDS = 24
PATIENCE_S = 60

Found = TypeVar("Found")


class DemoFailed(Exception):
    """A step did not go as it should."""


def say(text: str = "") -> None:
    """Print a line of the demo itself."""
    print(text, flush=True)


def step(number: int, title: str) -> None:
    """Print the heading of a step."""
    say(f"\n\033[1m{number}. {title}\033[0m" if sys.stdout.isatty() else f"\n{number}. {title}")


def run(
    command: str, environment: dict[str, str], *, expected: tuple[int, ...] = (0,), answer: str | None = None
) -> None:
    """Run a command as a user would type it, showing it first. Raises `DemoFailed` on another exit code."""
    say(f"$ {command}")
    words = shlex.split(command)
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:]], env=environment, check=False, input=answer, text=True
    )
    if done.returncode not in expected:
        raise DemoFailed(f"`{command}` ended with exit code {done.returncode}")


def wait_for(look: Callable[[], Found | None], what: str) -> Found:
    """Look until something is found. Raises `DemoFailed` when it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise DemoFailed(f"{what} did not come within {PATIENCE_S} s")


@contextlib.contextmanager
def platform() -> Iterator[str]:
    """Run the platform until the block ends; give its address."""
    ready, log = FOLDER / "platform.ready", FOLDER / "platform.log"
    ready.unlink(missing_ok=True)
    direct, pages, door = _ports()
    command = f"pulsemesh-server up --listen 127.0.0.1:{direct} --data-dir {PLATFORM}"
    say(f"$ {command}")
    environment = {
        **os.environ,
        "PULSEMESH_AUTH__HTTP_LISTEN": f"127.0.0.1:{pages}",
        "PULSEMESH_GATEWAY_LISTEN": f"127.0.0.1:{door}",
    }
    with log.open("ab") as output:
        words = shlex.split(command)
        process = subprocess.Popen(
            [str(BIN / words[0]), *words[1:], "--ready-file", str(ready)],
            stdout=output,
            stderr=output,
            env=environment,
        )
    try:
        yield wait_for(lambda: _address(process, ready, log), f"the platform (see {log})")
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _ports() -> list[int]:
    """Ports that were free on the first run: whoever was let in knows the platform by its address."""
    kept = FOLDER / "ports.json"
    if not kept.exists():
        with contextlib.ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in range(3)]
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            kept.write_text(json.dumps([probe.getsockname()[1] for probe in probes]))
    ports: list[int] = json.loads(kept.read_text())
    return ports


def _address(process: subprocess.Popen[bytes], ready: Path, log: Path) -> str | None:
    if process.poll() is not None:
        raise DemoFailed(f"the platform ended with exit code {process.returncode}; see {log}")
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        address: str = json.loads(ready.read_text())["address"]
        return address
    return None


def main_job(address: str) -> None:
    """Let an athlete and a gateway in, record sensors, import files, look at the result."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "PULSEMESH_EDGE_HOME": str(HOME),
        "PULSEMESH_EDGE_TARGET": address,
        "PULSEMESH_TARGET": address,
        "PULSEMESH_PASSWORD": PASSWORD,
        "XDG_CONFIG_HOME": str(FOLDER / "config"),
    }
    if address.startswith("https://"):
        environment["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(AUTHORITY.absolute())
        environment["PULSEMESH_EDGE_ROOT_CERTIFICATES"] = str(AUTHORITY.absolute())
    step(2, "An athlete signs up, proves the address, and says what the platform may do")
    let_athlete_in(environment)

    step(3, "A sensor gateway shows a code; the athlete lets it in")
    let_gateway_in(environment)

    step(4, "Three simulated sensors, found over an emulated Bluetooth and remembered")
    run("pulsemesh-edge simulate sensors -- pulsemesh-edge scan --remember all", environment)

    step(5, f"A live recording of {RECORD_SECONDS} s; the power meter drops out for a while and comes back")
    run(
        "pulsemesh-edge simulate sensors --dropout-after 8 --dropout-for 5 -- "
        f"pulsemesh-edge record --new --seconds {RECORD_SECONDS} --title 'Live on the trainer'",
        environment,
    )

    step(6, "A folder of FIT files: rides, a run done twice, a swim, and one that was cut off")
    files = FOLDER / "files"
    run(f"pulsemesh-edge simulate files {files} --start 2026-01-12", environment)
    run(f"pulsemesh-edge inspect {files / 'cut-off-ride.fit'}", environment, expected=(3,))
    run(f"pulsemesh-edge import {files}", environment)

    step(7, "What the platform made of them")
    run("pulsemesh list", environment)
    run("pulsemesh show latest", environment)
    analysis(environment)


def let_athlete_in(environment: dict[str, str]) -> None:
    """Sign up and agree; sign in where an earlier run did that."""
    known = FOLDER / "signed-up"
    if known.exists():
        run(f"pulsemesh login {ADDRESS}", environment)
        return
    run(f"pulsemesh signup {ADDRESS} --country DE --age 30", environment)
    run(f"pulsemesh verify {wait_for(_mailed_code, 'the mail with the code')}", environment)
    run("pulsemesh consent home DE --born 1990-07", environment)
    run(f"pulsemesh consent grant {CONSENTS} --yes", environment)
    known.touch()


def _mailed_code() -> str | None:
    """The code in the subject of the newest mail: the embedded platform puts mails into a folder."""
    for path in sorted((PLATFORM / "mail").glob(f"*-{ADDRESS}.eml"), reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found = re.search(r"[0-9]{6}", str(message["Subject"]))
        if found is not None:
            return found.group()
    return None


def let_gateway_in(environment: dict[str, str]) -> None:
    """Pair the edge by device code (RFC 8628), unless an earlier run did."""
    paired = FOLDER / "paired"
    if paired.exists():
        say("It was let in before, and renews what it was given by itself.")
        return
    command = "pulsemesh-edge login --name 'Gateway of the demo'"
    say(f"$ {command}")
    shown = FOLDER / "pairing.txt"
    with shown.open("w") as output:
        words = shlex.split(command)
        pairing = subprocess.Popen([str(BIN / words[0]), *words[1:]], stdout=output, env=environment)
    try:
        run(
            f"pulsemesh device approve {wait_for(lambda: _shown_code(shown), 'the code')}",
            environment,
            answer="y\n",
        )
        if pairing.wait(PATIENCE_S) != 0:
            raise DemoFailed(f"`{command}` ended with exit code {pairing.returncode}")
    finally:
        pairing.kill()
        pairing.wait()
    say(shown.read_text().splitlines()[-1])
    paired.touch()


def _shown_code(shown: Path) -> str | None:
    found = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", shown.read_text())
    return None if found is None else found.group()


def analysis(environment: dict[str, str]) -> None:
    """Say the athlete's thresholds; look at one workout, at two beside each other, and at all of them."""
    step(8, "The analysis: once the thresholds are known, every workout is analysed again")
    run(
        "pulsemesh thresholds set --since-ever --ftp 255 --critical-power 250 --w-prime 18000 "
        "--threshold-heart-rate 168 --max-heart-rate 187 --resting-heart-rate 48 "
        "--threshold-speed 3.9 --wait",
        environment,
    )
    ride, *_ = workouts(environment, "--sport cycling --before 2026-01-13")
    run(f"pulsemesh show {ride} --no-plot", environment)
    run(f"pulsemesh show {ride} -o {FOLDER / 'ride.html'}", environment)

    step(9, "The same run twice: what changed, in words, numbers and curves")
    again, before = workouts(environment, "--sport running")
    run(f"pulsemesh compare {before} {again} --output {FOLDER / 'comparison.svg'}", environment)

    step(10, "Fitness, records, and everything taken away")
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
        step(1, "The platform: every service in one process, SQLite, and the gateway before it")
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
