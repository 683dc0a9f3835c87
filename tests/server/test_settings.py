"""Settings: flags override the environment, which overrides defaults; a bad value is reported in one line."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from core.instants import DAY
from core.limits import Limits
from server.process.installation import key_file
from server.settings import PREFIX, SettingError, Settings, misspelt


def refused(environment: dict[str, str], **flags: object) -> str:
    """The message for a bad setting."""
    with pytest.raises(SettingError) as caught:
        Settings.read(environment, **flags)
    return str(caught.value)


def test_every_setting_has_a_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A SQLite file in the user's data folder, and a loopback address."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = Settings.read({})
    assert settings.database_url == f"sqlite:///{tmp_path}/openings/openings.db"
    assert (settings.host, settings.port, settings.workers, settings.demo) == ("127.0.0.1", 8000, 1, False)
    assert settings.limits == Limits()


def test_settings_are_read_from_the_environment() -> None:
    """Under the setting's name in capitals; an empty variable counts as unset."""
    environment = {
        "OPENINGS_DATABASE_URL": "postgresql://ada@db/openings",
        "OPENINGS_HOST": "0.0.0.0",
        "OPENINGS_PORT": "0",
        "OPENINGS_DEMO": "yes",
        "OPENINGS_WORKERS": "",
        "OPENINGS_MAX_ACCOUNTS": "200",
        "OPENINGS_MAX_PERIOD_DAYS": "365",
        "DATABASE_URL": "sqlite:///somebody/elses.db",
    }
    settings = Settings.read(environment)
    assert settings.database_url == "postgresql://ada@db/openings"
    assert (settings.host, settings.port, settings.workers, settings.demo) == ("0.0.0.0", 0, 1, True)
    assert settings.limits == replace(Limits(), max_accounts=200, max_period=365 * DAY)


def test_flags_override_the_environment() -> None:
    """A flag that was not given is None."""
    environment = {"OPENINGS_PORT": "1", "OPENINGS_HOST": "a", "OPENINGS_DATABASE_URL": "sqlite:///a.db"}
    settings = Settings.read(environment, port=0, host=None, database_url="sqlite:///b.db", demo=True)
    assert (settings.port, settings.host, settings.database_url) == (0, "a", "sqlite:///b.db")
    assert settings.demo


@pytest.mark.parametrize(("text", "on"), [("1", True), ("0", False), ("TRUE", True), ("no", False), ("Yes", True)])
def test_a_boolean_has_several_spellings(text: str, on: bool) -> None:
    assert Settings.read({"OPENINGS_DEMO": text}).demo is on


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("PORT", value) for value in ("http", "-1", "65536", "80.0", "1e3", " 80", "８０", "8_0", "9" * 5_000)),
        *(("WORKERS", value) for value in ("0", "-2", "two")),
        *(("DEMO", value) for value in ("maybe", "2", " ")),
        *(("MAX_BODY", value) for value in ("0", "8M", "1023")),
        ("MAX_ACCOUNTS", "0"),
        ("MAX_RESULTS", "1\n2"),
    ],
    ids=lambda value: value[:8],
)
def test_a_bad_value_is_reported_in_one_line(name: str, value: str) -> None:
    """With the variable's name, the allowed values, and the given one."""
    words = refused({PREFIX + name: value})
    assert words.startswith(f"OPENINGS_{name} must be ")
    assert repr(value)[:20] in words
    assert len(words.splitlines()) == 1


@pytest.mark.parametrize(("flag", "value"), [("port", 65536), ("port", -1), ("workers", 0), ("workers", -3)])
def test_a_bad_flag_is_reported_too(flag: str, value: int) -> None:
    """Before it is used."""
    words = refused({}, **{flag: value})
    assert flag in words.lower()
    assert str(value) in words
    assert len(words.splitlines()) == 1


@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET"])
def test_a_clients_id_and_secret_must_be_set_together(name: str) -> None:
    """Setting only one is a mistake; the message must not repeat what may be a secret."""
    words = refused({PREFIX + name: "hush"})
    assert "OPENINGS_CLIENT_ID" in words
    assert "OPENINGS_CLIENT_SECRET" in words
    assert "hush" not in words
    both = Settings.read({"OPENINGS_CLIENT_ID": "cli", "OPENINGS_CLIENT_SECRET": "hush"})
    assert (both.client_id, both.client_secret) == ("cli", "hush")


@pytest.mark.parametrize("demo", [True, False])
def test_a_worker_reads_back_the_settings_of_its_parent(demo: bool) -> None:
    """Every field, also one that was set by a flag."""
    settings = Settings.read(
        {
            "OPENINGS_CLIENT_ID": "cli",
            "OPENINGS_CLIENT_SECRET": "s p a c e = \n ünï",
            "OPENINGS_MAX_QUERY_PERIODS": "7",
            "OPENINGS_MAX_BODY": "4096",
        },
        database_url="postgresql://ada:p%40ss@db/openings?ssl=require",
        port=0,
        workers=3,
        demo=demo,
    )
    environment = settings.environment()
    assert environment.keys() == {PREFIX + field.name.upper() for field in fields(Settings)}
    assert Settings.read(environment) == settings


def test_every_setting_has_a_help_text() -> None:
    """It is used for the table in docs/configuration.md."""
    assert [field.name for field in fields(Settings) if not field.metadata.get("help")] == []


def test_a_misspelt_setting_is_noticed() -> None:
    """With the setting that was meant; other programs may use the prefix as well."""
    environment = {
        "OPENINGS_WORKER": "2",
        "OPENINGS_DATABSE_URL": "",
        "OPENINGS_PORT": "1",
        "OPENINGS_URL": "",
        "PORT": "2",
    }
    assert misspelt(environment) == {
        "OPENINGS_DATABSE_URL": "OPENINGS_DATABASE_URL",
        "OPENINGS_WORKER": "OPENINGS_WORKERS",
    }
    assert misspelt(Settings().environment()) == {}


def test_without_a_home_directory_the_database_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user is no account of the system."""

    def no_home(_name: str) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("server.settings.user_data_path", no_home)
    assert refused({}) == "there is no home directory for data: set OPENINGS_DATABASE_URL, or HOME"
    with pytest.raises(SettingError, match="set OPENINGS_KEY or OPENINGS_KEY_FILE, or HOME"):
        key_file(Settings.read({"OPENINGS_DATABASE_URL": "postgresql://ada@db/openings"}))
