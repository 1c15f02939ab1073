"""Every setting: its name, type, default, unit and meaning, in one table; the only reader of the environment.

A value comes from the environment, else from the file, else from here. `load` is handed the environment, refuses what
it does not know (with the nearest name that it does) and what is out of range, and remembers where each value came
from. Secrets never print themselves.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

PREFIX = "GPU_SHOPPER_"
PROVIDER_PREFIX = f"{PREFIX}PROVIDER_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
CLOUD_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
HIDDEN = "•••"

Parse = Callable[[object], Any]


class SettingsError(ValueError):
    """A setting that nobody knows, or a value that makes no sense; says which, where, and what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class _UnfitError(ValueError):
    """A value that its setting cannot take; the caller knows which setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table. `type` and `unit` are for people; `secret` values are never shown."""

    name: str
    type: str
    default: str
    unit: str
    doc: str
    secret: bool
    parse: Parse

    @property
    def variable(self) -> str:
        """The environment variable of the same meaning."""
        return PREFIX + self.name.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One setting as it stands: its value as text, hidden where it is secret, and who said so."""

    name: str
    value: str
    unit: str
    source: str
    doc: str


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _UnfitError("must be a text")
    return value


def _path(value: object) -> Path:
    path = Path(_text(value))
    if path.parts and path.parts[0] == "~":
        raise _UnfitError("must not begin with ~ here")
    return path.absolute()


def _url(value: object) -> str:
    url = _text(value)
    if not re.fullmatch(r"https?://[!-~]+", url):
        raise _UnfitError("must begin with http:// or https://")
    return url.rstrip("/")


def _public_url(value: object) -> str:
    return "none" if value == "none" else _url(value)


def _number(low: float, high: float) -> Parse:
    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _UnfitError("must be a number")
        try:
            number = float(value)
        except (ValueError, OverflowError) as error:
            raise _UnfitError("must be a number") from error
        # Written so that NaN, which compares false with all, is refused too.
        if not low <= number <= high:
            raise _UnfitError(f"must be from {low:g} to {high:g}")
        return number

    return parse


def _whole(low: int, high: int) -> Parse:
    def parse(value: object) -> int:
        is_digits = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value)
        if isinstance(value, bool) or not (is_digits or isinstance(value, int)):
            raise _UnfitError("must be a whole number")
        assert isinstance(value, str | int), value
        number = int(value)
        if not low <= number <= high:
            raise _UnfitError(f"must be from {low} to {high}")
        return number

    return parse


def _one_of(*words: str) -> Parse:
    def parse(value: object) -> str:
        if value not in words:
            raise _UnfitError(f"must be one of {', '.join(words)}")
        assert isinstance(value, str), value
        return value

    return parse


# The type as people read it, the parser, the default as text.
_Kind = tuple[str, Parse]
_TEXT: _Kind = ("text", _text)
_PATH: _Kind = ("path", _path)
_URL: _Kind = ("URL", _url)


def _from_to(low: float, high: float) -> _Kind:
    return f"number, {low:g} to {high:g}", _number(low, high)


def _setting(
    kind: _Kind, default: object, doc: str, *, unit: str = "", secret: bool = False, shown: str = ""
) -> Any:
    about = {
        "type": kind[0], "parse": kind[1], "default": shown or str(default), "unit": unit,
        "doc": doc, "secret": secret,
    }  # fmt: skip
    return field(default=default, repr=not secret, metadata=about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its value. `sources` says for each name who set it."""

    data_dir: Path = _setting(
        _PATH, Path("gpu-shopper"), "Folder of the database, keys and the sandbox's instances.",
        shown="$XDG_STATE_HOME/gpu-shopper or ~/.local/state/gpu-shopper",
    )  # fmt: skip
    database: Path = _setting(
        _PATH, Path("gpu-shopper/shopper.db"), "File of the database.", shown="data_dir/shopper.db"
    )
    host: str = _setting(
        _TEXT, "127.0.0.1", "Address to listen on; other than loopback only once a token exists."
    )
    port: int = _setting(
        ("whole number, 0 to 65535", _whole(0, 65_535)), 8477,
        "Port to listen on; 0 lets the system choose.",
    )  # fmt: skip
    public_url: str = _setting(
        ("URL or none", _public_url), "",
        "Where rented nodes reach this server. Without it (or with `none`) they are asked over SSH.",
        shown="(unset)",
    )  # fmt: skip
    url: str = _setting(_URL, "http://127.0.0.1:8477", "Server that commands and clients talk to.")
    token: str = _setting(
        _TEXT, "", "Token that commands and clients show to the server.",
        secret=True, shown="(unset)",
    )  # fmt: skip
    consumer: str = _setting(
        _TEXT, "", "Consumer that `provision` rents for.", shown="name of the system's user"
    )
    log_format: str = _setting(
        ("console or json", _one_of("console", "json")), "console", "Form of the log on stderr."
    )
    log_level: str = _setting(
        ("debug, info, warning or error", _one_of("debug", "info", "warning", "error")), "info",
        "Least important line that is still logged.",
    )  # fmt: skip
    sweep_period_s: float = _setting(
        _from_to(1, 3600), 300.0, "Time between two comparisons of the book with each cloud's list.",
        unit="s",
    )  # fmt: skip
    shop_period_s: float = _setting(
        _from_to(0, 86_400), 0.0, "Time between two refreshes of the offers; 0 is each cloud's own.",
        unit="s",
    )  # fmt: skip
    accrue_period_s: float = _setting(
        _from_to(1, 3600), 60.0, "Time between two entries of cost for a running session.", unit="s"
    )
    reconcile_concurrency: int = _setting(
        ("whole number, 1 to 1024", _whole(1, 1024)), 32, "Sessions looked after at the same time."
    )
    silence_minutes: float = _setting(
        _from_to(0.05, 720), 10.0, "Silence of a running node after which its session is ended.",
        unit="min",
    )  # fmt: skip
    heartbeat_seconds: float = _setting(
        _from_to(0.1, 3600), 15.0, "Time between two signs of life of a node.", unit="s"
    )
    lease_minutes: float = _setting(
        _from_to(0.01, 1440), 30.0, "Time without any answer after which a node ends itself.",
        unit="min",
    )  # fmt: skip
    alert_webhook: str = _setting(
        _URL, "", "Address that alerts are posted to; it may hold a key, so it is not shown.",
        secret=True, shown="(unset)",
    )  # fmt: skip
    vendors_variables: str = _setting(
        ("auto or never", _one_of("auto", "never")), "auto",
        "Take clouds' keys from the vendors' own variables, such as `VAST_API_KEY`, too.",
    )  # fmt: skip
    sandbox_autostart: str = _setting(
        ("auto, always or never", _one_of("auto", "always", "never")), "auto",
        "Start the embedded sandbox cloud: `auto` only where no cloud is configured.",
    )  # fmt: skip
    sandbox_boot_seconds: float = _setting(
        _from_to(0, 600),
        2.0,
        "Time that an instance of the embedded sandbox takes to boot.",
        unit="s",
    )
    providers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(name=each.name, **each.metadata) for each in fields(Settings) if each.metadata
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def load(environ: Mapping[str, str], home: Path) -> Settings:
    """Return the settings that hold for this environment, or raise SettingsError."""
    values: dict[str, object] = _default_places(environ, home)
    sources = dict.fromkeys(_BY_NAME, "default")
    providers: dict[str, dict[str, str]] = {}
    file = _config_file(environ, home)
    if file is not None:
        for name, value in _read_toml(file).items():
            if name == "providers":
                _providers_from_file(value, file, providers, sources)
            else:
                values[name] = _checked(name, value, f"in {file}", home)
                sources[name] = str(file)
    for variable, text in sorted(environ.items()):
        # An empty variable is how many tools say "not set".
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE or not text:
            continue
        if variable.startswith(PROVIDER_PREFIX):
            _provider_from_variable(variable, text, providers, sources)
        else:
            name = variable.removeprefix(PREFIX).lower()
            values[name] = _checked(name, text, f"in ${variable}", home)
            sources[name] = f"${variable}"
    if sources["database"] == "default":
        data_dir = values["data_dir"]
        assert isinstance(data_dir, Path), data_dir
        values["database"] = data_dir / "shopper.db"
    return Settings(**values, providers=providers, sources=sources)  # type: ignore[arg-type]


def describe(settings: Settings) -> tuple[Described, ...]:
    """Return every setting with its value, hidden where secret, and where the value came from."""
    found = [
        Described(
            name=setting.name,
            value=_shown(getattr(settings, setting.name), secret=setting.secret),
            unit=setting.unit,
            source=settings.sources.get(setting.name, "default"),
            doc=setting.doc,
        )
        for setting in SETTINGS
    ]
    for cloud, given in sorted(settings.providers.items()):
        for name, value in sorted(given.items()):
            path = f"providers.{cloud}.{name}"
            # Nobody but the cloud's own folder knows which of its fields are keys; only addresses are safe to show.
            secret = not (name == "url" and "@" not in value)
            found.append(
                Described(
                    name=path,
                    value=_shown(value, secret=secret),
                    unit="",
                    source=settings.sources.get(path, "default"),
                    doc=f"Given to the cloud {cloud}.",
                )
            )
    return tuple(found)


def _shown(value: object, *, secret: bool) -> str:
    if value == "":
        return "(unset)"
    if secret:
        return HIDDEN
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default_places(environ: Mapping[str, str], home: Path) -> dict[str, object]:
    return {"data_dir": _xdg(environ, "XDG_STATE_HOME", home / ".local" / "state") / "gpu-shopper"}


def _config_file(environ: Mapping[str, str], home: Path) -> Path | None:
    given = environ.get(CONFIG_VARIABLE, "")
    if given:
        file = _at_home(given, home).absolute()
        if not file.is_file():
            raise SettingsError(
                f"there is no file {file}", hint=f"correct or unset ${CONFIG_VARIABLE}"
            )
        return file
    file = _xdg(environ, "XDG_CONFIG_HOME", home / ".config") / "gpu-shopper" / "config.toml"
    return file if file.is_file() else None


def _xdg(environ: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    given = Path(environ.get(variable, ""))
    # The convention says that a path that is not absolute counts as none.
    return given if given.is_absolute() else otherwise


def _at_home(text: str, home: Path) -> Path:
    return home / text[2:] if text.startswith("~/") else Path(text)


def _read_toml(file: Path) -> dict[str, object]:
    import tomllib  # noqa: PLC0415 - most commands have no file to read

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{file} is not TOML: {error}", hint="correct that line") from error


def _checked(name: str, value: object, place: str, home: Path) -> object:
    setting = _BY_NAME.get(name)
    if setting is None:
        raise SettingsError(f"unknown setting {name!r} {place}", hint=_nearest(name))
    if setting.parse is _path and isinstance(value, str):
        value = str(_at_home(value, home))
    if value == "":
        raise SettingsError(f"{name} {place} is empty", hint="leave it out instead")
    try:
        return setting.parse(value)
    except _UnfitError as error:
        shown = HIDDEN if setting.secret else repr(value)
        raise SettingsError(f"{name} {place} is {shown}: {error}", hint=setting.doc) from error


def _nearest(name: str) -> str:
    import difflib  # noqa: PLC0415 - only whoever mistyped pays for it

    near = difflib.get_close_matches(name, [*_BY_NAME, "providers"], n=1)
    return f"did you mean {near[0]!r}?" if near else "`gpu-shopper config show` lists all settings"


def _providers_from_file(
    tables: object, file: Path, providers: dict[str, dict[str, str]], sources: dict[str, str]
) -> None:
    if not isinstance(tables, dict):
        raise SettingsError(f"providers in {file} must be tables", hint="[providers.NAME]")
    for cloud, table in tables.items():
        if not isinstance(table, dict) or not CLOUD_NAME.fullmatch(cloud):
            raise SettingsError(
                f"providers.{cloud} in {file} must be a table with a lower-case name",
                hint="[providers.NAME]",
            )
        given = providers.setdefault(cloud, {})
        for name, value in table.items():
            if not FIELD_NAME.fullmatch(name) or not isinstance(value, str | int | float):
                raise SettingsError(f"providers.{cloud}.{name} in {file} must be a text or number")
            given[name] = str(value).lower() if isinstance(value, bool) else str(value)
            sources[f"providers.{cloud}.{name}"] = str(file)


def _provider_from_variable(
    variable: str, text: str, providers: dict[str, dict[str, str]], sources: dict[str, str]
) -> None:
    cloud, _, name = variable.removeprefix(PROVIDER_PREFIX).lower().partition("_")
    if not CLOUD_NAME.fullmatch(cloud) or not FIELD_NAME.fullmatch(name):
        raise SettingsError(
            f"${variable} names no cloud and field", hint=f"{PROVIDER_PREFIX}<NAME>_<FIELD>"
        )
    providers.setdefault(cloud, {})[name] = text
    sources[f"providers.{cloud}.{name}"] = f"${variable}"
