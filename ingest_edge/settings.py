"""The settings of a gateway: built-in values, a TOML file, the environment, the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from ingest_edge.files.decoder_names import DECODER_NAMES, DEFAULT_DECODER
from ingest_edge.spool.records import SpoolLimits
from pulsemesh.type.v1 import sport_pb2

ENVIRONMENT_PREFIX = "PULSEMESH_EDGE_"
SETTINGS_FILE = "config.toml"
_APPLICATION = "pulsemesh-edge"


class SettingsError(Exception):
    """A setting cannot be used; the text names it and where it came from."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is wanted")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a whole number is wanted")
    number = int(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _positive(value: Any) -> int:
    number = _whole(value)
    if not number:
        raise ValueError("must be at least 1")
    return number


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a number of seconds is wanted")
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError("must not be negative")
    return number


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    try:
        return known[str(value).lower()]
    except KeyError:
        raise ValueError("true or false is wanted") from None


def _path(value: Any) -> Path:
    return Path(_text(value)).expanduser()


def sport_number(name: str) -> sport_pb2.Sport.ValueType:
    """A sport by its name, such as `cycling`.

    Raises:
        ValueError: there is no such sport.
    """
    try:
        return sport_pb2.Sport.Value(f"SPORT_{name.upper().replace('-', '_')}")
    except ValueError:
        raise ValueError(f"no sport {name!r}; there are {', '.join(sport_names())}") from None


def sport_names() -> list[str]:
    """All sports, as people write them."""
    return [name.removeprefix("SPORT_").lower() for name in sport_pb2.Sport.keys()[1:]]


def _sport(value: Any) -> str:
    sport_number(_text(value))
    return _text(value)


def _decoder(value: Any) -> str:
    if value not in DECODER_NAMES:
        raise ValueError(f"no decoder {value!r}; there are {', '.join(DECODER_NAMES)}")
    return _text(value)


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Where settings, remembered sensors and the spool are.

    `PULSEMESH_EDGE_HOME`; else the state folder that systemd gives to a service; else
    `$XDG_CONFIG_HOME/pulsemesh-edge`.
    """
    if given := environment.get(f"{ENVIRONMENT_PREFIX}HOME"):
        return Path(given).expanduser()
    if state := environment.get("STATE_DIRECTORY"):
        return Path(state.split(":")[0])
    base = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / _APPLICATION


@dataclass(frozen=True, slots=True)
class _Setting:
    """How a value is read from text or TOML, and what it means."""

    parse: Callable[[Any], Any]
    help: str


@dataclass(frozen=True)
class EdgeSettings:
    """Everything that can be set. Times are in seconds, sizes in bytes."""

    target: Annotated[str, _Setting(_text, "Where the platform is: host, host:port or a URL.")] = "127.0.0.1"
    token: Annotated[str, _Setting(_text, "The access token. Better kept in a file: see `token_file`.")] = (
        field(default="", repr=False)
    )
    token_file: Annotated[
        Path | None,
        _Setting(_path, "A file that holds the access token; read again when the platform refuses it."),
    ] = None
    login: Annotated[
        str,
        _Setting(
            _text, "A name to get a token for from a development platform on this machine; for trying out."
        ),
    ] = ""
    tls: Annotated[
        bool | None,
        _Setting(_truth, "Whether the way is encrypted; by default unless the platform is on this machine."),
    ] = None
    root_certificates: Annotated[
        Path | None, _Setting(_path, "A PEM file with the authorities that vouch for the platform.")
    ] = None
    spool: Annotated[
        Path | None, _Setting(_path, "The folder of the spool; by default `spool` in the home.")
    ] = None
    spool_max_bytes: Annotated[int, _Setting(_whole, "How large the spool may grow.")] = 2 * 1024**3
    spool_min_free_bytes: Annotated[int, _Setting(_whole, "What the spool leaves free on the disk.")] = (
        256 * 1024**2
    )
    writer: Annotated[
        str, _Setting(_text, "The name of this gateway towards the platform; made once by itself.")
    ] = ""
    sport: Annotated[str, _Setting(_sport, "The sport of a recording where `record` is not told.")] = (
        "cycling"
    )
    flush_interval_s: Annotated[
        float, _Setting(_seconds, "How often samples go to the disk: what a loss of power can cost at most.")
    ] = 1.0
    resume_within_s: Annotated[
        float,
        _Setting(_seconds, "An interrupted recording is gone on with if it was alive this short a time ago."),
    ] = 600.0
    silence_ends_s: Annotated[
        float,
        _Setting(_seconds, "How long all sensors are silent before an unattended recording ends."),
    ] = 600.0
    patience_s: Annotated[
        float,
        _Setting(_seconds, "How long `sync`, `import` and the end of `record` wait for a silent platform."),
    ] = 30.0
    scan_s: Annotated[float, _Setting(_seconds, "How long to look for sensors.")] = 8.0
    wheel_circumference_m: Annotated[
        float, _Setting(_seconds, "One turn of the wheel of a speed sensor.")
    ] = 2.105
    adapter: Annotated[
        str, _Setting(_text, "The Bluetooth adapter, such as hci1; the first one by default.")
    ] = ""
    backlog_sessions: Annotated[
        int, _Setting(_positive, "Recordings that are uploaded at the same time.")
    ] = 4
    decoder: Annotated[
        str, _Setting(_decoder, "What reads FIT files: native, or fitparse to compare with.")
    ] = DEFAULT_DECODER
    decode_timeout_s: Annotated[float, _Setting(_seconds, "The longest that reading one file may take.")] = (
        60.0
    )
    decoder_processes: Annotated[
        int, _Setting(_positive, "Files that are read at the same time, each in a process of its own.")
    ] = 2
    home: Path = field(default_factory=default_home)

    @property
    def spool_folder(self) -> Path:
        """Where the spool is."""
        return self.spool if self.spool is not None else self.home / "spool"

    @property
    def limits(self) -> SpoolLimits:
        """How much disk the spool may take."""
        return SpoolLimits(max_bytes=self.spool_max_bytes, min_free_bytes=self.spool_min_free_bytes)


def described_settings() -> list[tuple[str, str, str]]:
    """Name, built-in value and meaning of every setting, for the documentation."""
    defaults = {one.name: one.default for one in fields(EdgeSettings)}
    return [(name, _shown(defaults[name]), setting.help) for name, setting in _declared().items()]


def _declared() -> dict[str, _Setting]:
    hints = get_type_hints(EdgeSettings, include_extras=True)
    return {
        name: extra
        for name, hint in hints.items()
        for extra in getattr(hint, "__metadata__", ())
        if isinstance(extra, _Setting)
    }


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def load_settings(
    home: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> EdgeSettings:
    """The settings in force. `overrides` come from the command line; those that are None do not count.

    Raises:
        SettingsError: a value cannot be used, a name is unknown, or the file cannot be read.
    """
    home = home or default_home(environment)
    known = {name: setting.parse for name, setting in _declared().items()}
    values: dict[str, Any] = {"home": home}
    path = home / SETTINGS_FILE
    for name, value in _read_file(path).items():
        if name not in known:
            raise SettingsError(f"{path}: there is no setting {name!r}; there are {', '.join(known)}")
        values[name] = _parsed(known[name], value, f"{path}: {name}")
    for name, parse in known.items():
        variable = ENVIRONMENT_PREFIX + name.upper()
        if variable in environment:
            values[name] = _parsed(parse, environment[variable], variable)
    settings = EdgeSettings(**values)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    return replace(settings, **given)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _parsed(parse: Callable[[Any], Any], value: Any, where: str) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from error
