"""Settings: one frozen value, read once. Command-line flags win over the environment, the environment over defaults."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from core.errors import Problems
from core.instants import DAY
from core.limits import Limits
from core.urls import check_web_url

from .graphql.exposure import Exposure
from .http.rate_limits import Rate, parse_rates

PREFIX = "OPENINGS_"


class SettingError(ValueError):
    """A setting cannot be used as it was given."""


def default_database_url() -> str:
    """A SQLite file in the user's data folder."""
    return f"sqlite:///{Path(user_data_path('openings')) / 'openings.db'}"


#: what is open or not
_SWITCH = ("auto", "on", "off")


def _setting(default: Any, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": help, **more})


@dataclass(frozen=True, slots=True)
class Settings:
    """How this installation runs. Each field is the environment variable OPENINGS_ and its name in capitals."""

    database_url: str = _setting(
        "", "sqlite:///path/file.db or postgresql://user@host/name; by default a SQLite file in your data folder"
    )
    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8000, "port to listen on; 0 takes a free one", least=0, most=65535)
    workers: int = _setting(1, "processes that answer requests", least=1)
    public_url: str = _setting(
        "", "where visitors find this server, such as https://book.example.com; by default where it listens"
    )
    client_id: str = _setting("", "a client that is there from the first start: its id")
    client_secret: str = _setting("", "and its secret")
    demo: bool = _setting(False, "keep a demo client with calendars, and offer examples of it in GraphiQL")
    key: str = _setting("", "what secrets are sealed with: 32 random characters or more; by default it is in key_file")
    key_file: str = _setting("", "where that is kept, and made if it is not there; by default beside the SQLite file")
    pool_size: int = _setting(10, "connections to PostgreSQL that each process holds at most", least=1)
    memory: int = _setting(
        64, "megabytes of facts and answers that each process remembers at most; 0 for none", least=0
    )
    compiled: bool = _setting(True, "execute the plain parts of answers by functions that are made for them")
    log: str = _setting(
        "auto", "text, json, or auto: text on a terminal and for the demo", choices=("auto", "text", "json")
    )
    metrics: str = _setting(
        "auto", "on, off, or auto: /metrics is there on a loopback address", choices=("auto", "on", "off")
    )
    max_accounts: int = _setting(10, "accounts in one availability query", least=1)
    max_query_periods: int = _setting(50, "periods or slots that one availability query asks about", least=1)
    max_member_periods: int = _setting(50, "available periods that a member brings along", least=1)
    max_period_days: int = _setting(35, "days that a period may last", least=1)
    max_results: int = _setting(200, "results of one availability query", least=1)
    max_subscriptions: int = _setting(5000, "subscriptions that one process has open, and sockets", least=1)
    max_client_subscriptions: int = _setting(2500, "of these subscriptions, those of one client", least=1)
    max_body: int = _setting(8 * 1024 * 1024, "bytes of one request", least=1024)
    max_root_fields: int = _setting(
        50, "fields that one request may ask for at the top; aliases: twice as many", least=1
    )
    max_values: int = _setting(20_000, "values in the variables of one request", least=100)
    deadline: int = _setting(30, "seconds that a request may take; 0: as long as it wants", least=0)
    introspection: str = _setting("auto", "on, off, or auto: on where the address is a loopback one", choices=_SWITCH)
    graphiql: str = _setting("auto", "on, off, or auto: on where the address is a loopback one", choices=_SWITCH)
    get: str = _setting(
        "auto",
        "queries by GET: on, off, json: only if Accept names JSON, or auto: on where the address is a loopback one, else json",
        choices=("auto", "on", "json", "off"),
    )
    private_callbacks: bool = _setting(False, "let callbacks lead to loopback and private addresses")
    rate_limit: str = _setting("", "requests of one client, such as 50/s,500/min; in s, min and h; none by default")

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine can reach the address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def pages(self) -> str:
        """Where the pages of links are: what a link's token is put behind."""
        # Whoever listens on every address is found by this one on the same machine.
        host = "localhost" if self.host in ("0.0.0.0", "::") else shown(self.host)
        return f"{self.public_url.rstrip('/') or f'http://{host}:{self.port}'}/book/"

    @property
    def with_metrics(self) -> bool:
        return self.metrics == "on" or (self.metrics == "auto" and self.loopback)

    @property
    def exposure(self) -> Exposure:
        return Exposure.of(
            loopback=self.loopback, introspection=self.introspection, graphiql=self.graphiql, get=self.get
        )

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The rate limits. Raises SettingError."""
        try:
            return parse_rates(self.rate_limit)
        except ValueError as error:
            raise SettingError(
                f"OPENINGS_RATE_LIMIT must be such as 50/s,500/min with s, min or h, not {str(error)[:40]!r}"
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
        """Settings from flags that are not None, then from the environment. Raises SettingError."""
        values: dict[str, Any] = {}
        for setting in fields(cls):
            text = environment.get(PREFIX + setting.name.upper(), "")
            if flags.get(setting.name) is not None:
                values[setting.name] = _check_flag(setting, flags[setting.name])
            elif text != "":
                values[setting.name] = _parse(setting, text)
        values.setdefault("database_url", default_database_url())
        settings = cls(**values)
        if bool(settings.client_id) != bool(settings.client_secret):
            raise SettingError("OPENINGS_CLIENT_ID and OPENINGS_CLIENT_SECRET go together: set both, or neither")
        _ = settings.rates  # raises for one that cannot be read
        problems = Problems()
        parts = check_web_url(settings.public_url or None, ("public_url",), problems)
        if problems or (parts is not None and (parts.query or parts.fragment)):
            raise SettingError(
                f"OPENINGS_PUBLIC_URL must be such as https://book.example.com, not {settings.public_url[:80]!r}"
            )
        return settings

    def environment(self) -> dict[str, str]:
        """The environment that `read` makes the same settings of: what a worker process is started with."""
        values = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        return {
            PREFIX + name.upper(): str(int(value) if isinstance(value, bool) else value)
            for name, value in values.items()
        }


def shown(host: str) -> str:
    """The host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def _parse(setting: Field[Any], text: str) -> object:
    name = PREFIX + setting.name.upper()
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
    """A flag's value, which is of its type already; a number must be within its bounds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(str(value), f"--{setting.name}", setting)
    return value


def _number(text: str, name: str, setting: Field[Any]) -> int:
    """A whole number within the setting's bounds. Raises SettingError, naming it."""
    least, most = setting.metadata["least"], setting.metadata.get("most")
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    digits = text.isascii() and text.isdigit() and len(text) < 20
    if not digits or int(text) < least or (most is not None and int(text) > most):
        raise SettingError(f"{name} must be a whole number {bounds}, not {text[:20]!r}")
    return int(text)
