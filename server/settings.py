"""Settings: one frozen value, read once. Command-line flags win over the environment, the environment over defaults."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from platformdirs import user_data_path

from core.errors import Problems
from core.instants import DAY
from core.limits import Limits
from core.origins import normalised_origin
from core.texts import is_storable
from core.urls import check_web_url

from .graphql.exposure import Exposure
from .http.origins import parse_origins
from .http.rate_limits import Rate, parse_rates

PREFIX = "OPENINGS_"


class SettingError(ValueError):
    """A setting has a value that cannot be used."""


def data_folder(instead: str) -> Path:
    """The user's data folder. Raises SettingError with the name of a setting to use instead if there is no home."""
    try:
        return Path(user_data_path("openings"))
    except RuntimeError:
        raise SettingError(f"there is no home directory for data: set {instead}, or HOME") from None


def default_database_url() -> str:
    """A SQLite file in the user's data folder. Raises SettingError."""
    return f"sqlite:///{data_folder('OPENINGS_DATABASE_URL') / 'openings.db'}"


def misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the names of variables that are no setting, with the setting that each resembles."""
    known = {setting.name.upper() for setting in fields(Settings)}
    given = {name.removeprefix(PREFIX) for name in environment if name.startswith(PREFIX)} - known
    nearest = {name: get_close_matches(name, known, n=1, cutoff=_RESEMBLING) for name in sorted(given)}
    return {f"{PREFIX}{name}": f"{PREFIX}{found[0]}" for name, found in nearest.items() if found}


#: from 0 to 1: how much a variable must resemble a setting; above it are names with a letter or a word too many
_RESEMBLING = 0.75

MISSING_MCP = (
    "the tools for assistants need the extra openings[mcp]: pip install 'openings[mcp]', from a checkout '.[mcp]'"
)

#: the choices of a switch
_SWITCH = ("auto", "on", "off")


def _setting(default: Any, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": help, **more})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of this installation. Each field is read from OPENINGS_ and its name in capitals."""

    database_url: str = _setting(
        "", "sqlite:///path/file.db or postgresql://user@host/name; default: a SQLite file in your data folder"
    )
    listen_url: str = _setting(
        "",
        "direct address of the same PostgreSQL, to receive notifications where database_url leads to a pooler in "
        "transaction mode; default: database_url",
    )
    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8000, "port to listen on; 0 picks a free one", least=0, most=65535)
    workers: int = _setting(1, "number of worker processes", least=1)
    public_url: str = _setting(
        "", "URL of this server for visitors, such as https://book.example.com; default: the address it listens on"
    )
    origins: str = _setting(
        "",
        "origins whose pages may ask at /graphql, such as https://app.example.com,http://localhost:5173, or * for all; "
        "default: none",
    )
    client_id: str = _setting("", "id of a client to create at startup")
    client_secret: str = _setting("", "secret of that client")
    demo: bool = _setting(False, "create a demo client with calendars, and show examples for it in GraphiQL")
    key: str = _setting(
        "", "key that encrypts stored secrets: at least 32 random characters; default: read from key_file"
    )
    key_file: str = _setting(
        "", "file with the key, created if missing; default: beside the SQLite file, for PostgreSQL in your data folder"
    )
    pool_size: int = _setting(10, "maximum PostgreSQL connections in the pool of each process", least=1)
    lock_timeout: int = _setting(
        10, "seconds that a write waits for others to the same calendar, in its process and again in others", least=1
    )
    assume: str = _setting(
        "postgresql",
        "what the server of a postgresql:// URL offers: all that PostgreSQL does, or none of NOTIFY and snapshots, for its "
        "distributed relatives; then changes by other processes are looked for once a second",
        choices=("postgresql", "none"),
    )
    memory: int = _setting(
        64, "maximum megabytes of facts and responses that each process caches; 0 for no cache", least=0
    )
    compiled: bool = _setting(
        True,
        "compile functions for arguments, variables and plain results; 0 leaves them to Strawberry and graphql-core",
    )
    keep_days: int = _setting(
        400,
        "days that things are stored after they were over, if nothing shorter is said: deleted events, finished links, "
        "answers to idempotency keys, expired tokens, callbacks that were given up; 0 to keep all",
        least=0,
        most=36_500,
    )
    keep_answers_days: int = _setting(
        30, "days that the answer to an idempotency key is stored; 0 to keep all", least=0, most=36_500
    )
    keep_links_days: int = _setting(
        365, "days that a booking link is stored after it is finished; 0 to keep all", least=0, most=36_500
    )
    log: str = _setting(
        "auto", "text, json, or auto: text on a terminal and for the demo, else json", choices=("auto", "text", "json")
    )
    mcp: bool = _setting(False, "serve the tools for assistants at /mcp; needs the extra openings[mcp]")
    mcp_token: str = _setting(
        "", "bearer token that openings mcp acts with: a client secret or an access token; default: client_secret"
    )
    metrics: str = _setting(
        "auto", "serve /metrics: on, off, or auto: on if the host is a loopback address", choices=("auto", "on", "off")
    )
    max_accounts: int = _setting(10, "maximum accounts in one availability query", least=1)
    max_query_periods: int = _setting(50, "maximum query periods or query slots in one availability query", least=1)
    max_member_periods: int = _setting(50, "maximum available periods that a query gives for one member", least=1)
    max_period_days: int = _setting(35, "maximum length of a period in days", least=1)
    max_results: int = _setting(512, "maximum results of one availability query", least=1)
    max_subscriptions: int = _setting(
        5000, "maximum open subscriptions of one process, and maximum open WebSockets with a valid token", least=1
    )
    max_client_subscriptions: int = _setting(2500, "maximum open subscriptions of one client in one process", least=1)
    max_body: int = _setting(8 * 1024 * 1024, "maximum bytes of a request body", least=1024)
    max_root_fields: int = _setting(
        50, "maximum root fields of one operation; up to twice as many aliases are allowed", least=1
    )
    max_values: int = _setting(20_000, "maximum values in the variables of one request", least=100)
    max_answer_values: int = _setting(
        500_000, "maximum values in one response, with lists counted at their maximum length", least=100
    )
    max_answer: int = _setting(16 * 1024 * 1024, "maximum bytes of one response", least=1024)
    deadline: int = _setting(
        30, "seconds that a request may take to arrive, and again to be answered; 0 for no limit", least=0
    )
    introspection: str = _setting("auto", "on, off, or auto: on if the host is a loopback address", choices=_SWITCH)
    graphiql: str = _setting("auto", "on, off, or auto: on if the host is a loopback address", choices=_SWITCH)
    get: str = _setting(
        "auto",
        "queries by GET: on, off, json (only if Accept names JSON), or auto: on if the host is loopback, else json",
        choices=("auto", "on", "json", "off"),
    )
    private_callbacks: bool = _setting(False, "allow callbacks to loopback and private addresses")
    private_sources: bool = _setting(False, "allow calendar sources at loopback and private addresses")
    rate_limit: str = _setting("", "rate limits of each client, such as 50/s,500/min, in s, min or h; default: none")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def address(self) -> str:
        """The URL of this server, without a slash at its end."""
        # A server that listens on every address is reached as localhost on this machine.
        host = "localhost" if self.host in ("0.0.0.0", "::") else shown(self.host)
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"

    @property
    def with_metrics(self) -> bool:
        return self.metrics == "on" or (self.metrics == "auto" and self.loopback)

    @property
    def exposure(self) -> Exposure:
        return Exposure.of(
            loopback=self.loopback, introspection=self.introspection, graphiql=self.graphiql, get=self.get
        )

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins whose pages may ask, or ANY. Raises SettingError."""
        try:
            return parse_origins(self.origins)
        except ValueError as error:
            raise SettingError(
                "OPENINGS_ORIGINS must be * or origins such as https://app.example.com,http://localhost:5173, without "
                f"paths, not {str(error)[:80]!r}"
            ) from None

    @property
    def public_origin(self) -> str | None:
        """The origin of the public URL, if there is one."""
        parts = urlsplit(self.public_url)
        return normalised_origin(f"{parts.scheme}://{parts.netloc}")

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The rate limits. Raises SettingError."""
        try:
            return parse_rates(self.rate_limit)
        except ValueError as error:
            raise SettingError(
                f"OPENINGS_RATE_LIMIT must have the form 50/s,500/min with s, min or h, not {str(error)[:40]!r}"
            ) from None

    @property
    def limits(self) -> Limits:
        return Limits(
            max_accounts=self.max_accounts,
            max_query_periods=self.max_query_periods,
            max_member_periods=self.max_member_periods,
            max_period=self.max_period_days * DAY,
            max_results=self.max_results,
        )

    @classmethod
    def read(cls, environment: Mapping[str, str], **flags: object) -> "Settings":
        """Reads each setting from its flag, if that is not None, else from the environment. Raises SettingError."""
        values: dict[str, Any] = {}
        for setting in fields(cls):
            text = environment.get(PREFIX + setting.name.upper(), "")
            if flags.get(setting.name) is not None:
                values[setting.name] = _check_flag(setting, flags[setting.name])
            elif text != "":
                values[setting.name] = _parse(setting, text)
        if "database_url" not in values:
            values["database_url"] = default_database_url()
        settings = cls(**values)
        if bool(settings.client_id) != bool(settings.client_secret):
            raise SettingError("OPENINGS_CLIENT_ID and OPENINGS_CLIENT_SECRET belong together: set both or neither")
        _ = settings.rates, settings.allowed_origins  # raise if they cannot be parsed
        problems = Problems()
        parts = check_web_url(settings.public_url or None, ("public_url",), problems)
        if problems or (parts is not None and (parts.query or parts.fragment)):
            raise SettingError(
                f"OPENINGS_PUBLIC_URL must be a URL such as https://book.example.com, not {settings.public_url[:80]!r}"
            )
        return settings

    def environment(self) -> dict[str, str]:
        """The environment from which `read` restores these settings; worker processes are started with it."""
        values = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        return {
            PREFIX + name.upper(): str(int(value) if isinstance(value, bool) else value)
            for name, value in values.items()
        }


def shown(host: str) -> str:
    """The host as written in a URL: an IPv6 address has brackets."""
    return f"[{host}]" if ":" in host else host


def _parse(setting: Field[Any], text: str) -> object:
    name = PREFIX + setting.name.upper()
    if not is_storable(text):
        raise SettingError(f"{name} has bytes that are not UTF-8")
    if isinstance(setting.default, bool):
        if text.lower() not in {"0", "1", "false", "true", "no", "yes"}:
            raise SettingError(f"{name} must be 1 or 0, not {text!r}")
        return text.lower() in {"1", "true", "yes"}
    if isinstance(setting.default, int):
        return _number(text, name, setting)
    choices = setting.metadata.get("choices")
    if choices and text not in choices:
        raise SettingError(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, not {text!r}")
    return text


def _check_flag(setting: Field[Any], value: object) -> object:
    """Returns a flag's value, already of its type. Raises SettingError for a number out of bounds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(str(value), f"--{setting.name}", setting)
    return value


def _number(text: str, name: str, setting: Field[Any]) -> int:
    """Parses a whole number within the setting's bounds. Raises SettingError with the setting's name."""
    least, most = setting.metadata["least"], setting.metadata.get("most")
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    digits = text.isascii() and text.isdigit() and len(text) < 20
    if not digits or int(text) < least or (most is not None and int(text) > most):
        raise SettingError(f"{name} must be a whole number {bounds}, not {text[:20]!r}")
    return int(text)
