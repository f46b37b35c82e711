"""What may be configured, where it is written down, and what is said of what may not."""

import re

import pytest
from pydantic import ValidationError

from app.cli import commands
from app.main import create_app
from app.settings import Settings, Unset
from tests.house.source import ROOT

SHORT = "thirty-one characters, too few."


def test_a_short_secret_is_refused_and_never_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAPPORT_SECRET_KEY", SHORT)
    with pytest.raises(ValidationError) as fault:
        Settings()
    with pytest.raises(SystemExit):
        commands._explain(fault.value)
    told = capsys.readouterr().err
    assert "RAPPORT_SECRET_KEY" in told
    assert SHORT not in told


def test_a_log_level_may_be_written_in_any_case_but_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_LOG_LEVEL", "warning")
    assert Settings().log_level == "WARNING"
    monkeypatch.setenv("RAPPORT_LOG_LEVEL", "chatty")
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize("name", ["ACCESS_MINUTES", "REFRESH_DAYS", "MAX_BODY_BYTES", "POOL_WAIT"])
def test_nothing_lasts_no_time_or_has_no_room(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"RAPPORT_{name}", "0")
    with pytest.raises(ValidationError):
        Settings()


def test_the_connections_are_those_of_every_process() -> None:
    few = Settings(workers=1, pool_size=20).connections
    assert few > 2 * 20
    assert Settings(workers=4, pool_size=20).connections == few + 3 * 20


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "RAPPORT_SECRET_KEY"])
async def test_a_service_that_lacks_a_setting_says_which(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": "postgresql://rapport@127.0.0.1:1/rapport",
        "REDIS_URL": "redis://127.0.0.1:1",
        "RAPPORT_SECRET_KEY": f"{SHORT} Now it will do.",
    }
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv(name)
    app = create_app(Settings())
    with pytest.raises(Unset, match=rf"^{name} is not set; `rapport up`"):
        async with app.router.lifespan_context(app):
            pass


def test_the_readme_lists_every_setting_with_its_default():
    listed: dict[str, str] = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        if re.match(r"\| `[A-Z_]+`", line):
            names, defaults, _ = line.strip("|").split("|")
            shown = re.findall(r"`([^`]*)`", defaults)
            found = re.findall(r"`([A-Z_]+)`", names)
            listed |= dict(zip(found, shown or [defaults.strip()] * len(found), strict=True))
    fields = {
        str(field.validation_alias or f"RAPPORT_{name.upper()}"): field.default
        for name, field in Settings.model_fields.items()
    }
    assert listed.keys() == fields.keys()
    for name, default in fields.items():
        if isinstance(default, int | float) or default in {"127.0.0.1", "INFO", "text", "rapport_app"}:
            assert listed[name] == str(default), name
