"""What can be configured, read once from the environment."""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_state_dir() -> Path:
    # As root the servers run as another account, which cannot enter root's home.
    return Path("/var/lib/rapport") if os.geteuid() == 0 else Path.home() / ".local/share/rapport"


Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(lambda given: given.upper() if isinstance(given, str) else given),
]


class Unset(Exception):
    """A setting that this process cannot do without has no value: one sentence that names it."""


class Unwalled(Exception):
    """RAPPORT_APP_ROLE names a role that looks past the walls between tenants: one sentence that says what to do."""


_ROOM = 20
"""Connections for commands, backups, superusers and the renewing of leases, besides the pools."""


class Settings(BaseSettings):
    """Environment variables; every name but the two URLs carries the prefix RAPPORT_."""

    model_config = SettingsConfigDict(env_prefix="RAPPORT_", extra="ignore")

    database_url: str | None = Field(None, validation_alias="DATABASE_URL")
    """postgresql://owner@host/name; unset starts the embedded PostgreSQL."""
    redis_url: str | None = Field(None, validation_alias="REDIS_URL")
    """redis://host or unix://path; unset starts the embedded Redis."""
    state_dir: Path = Field(default_factory=_default_state_dir)
    """Where the embedded servers and generated secrets live."""
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    workers: int = Field(1, ge=1, le=64)
    """API processes."""
    worker_metrics_port: int | None = Field(None, ge=1, le=65535)
    """Where the background worker shows its Prometheus metrics; unset shows none. The API's are at /metrics."""
    pool_size: int = Field(20, ge=1, le=200)
    """Database connections per process."""
    pool_wait: float = Field(5.0, gt=0)
    """Seconds a request waits for a connection before it is told to come back."""
    secret_key: SecretStr | None = Field(None, min_length=32)
    """Signs access tokens, so it is as long as their hash (RFC 7518, 3.2); `rapport up` makes state_dir/secret when unset."""
    access_minutes: int = Field(15, ge=1, le=1440)
    refresh_days: int = Field(30, ge=1, le=3650)
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1)
    max_upload_bytes: int = Field(2 * 1024**3, ge=1)
    """Of a file that is sent to be imported."""
    cors_origins: str = Field("", pattern=r"^(\*|https?://[^\s,/;]+(\s*,\s*https?://[^\s,/;]+)*)?$")
    """Sites whose pages may call the API from a browser, comma-separated; none when empty."""
    log_level: Level = "INFO"
    log_format: str = Field("text", pattern="^(text|json)$")
    app_role: str = Field("rapport_app", pattern="^[a-z_][a-z0-9_]{0,62}$")
    """The database role that requests run as: neither owner, nor superuser, nor BYPASSRLS."""

    @property
    def connections(self) -> int:
        """Database connections that this machine may hold: of each API process, of the worker, and of commands."""
        return (self.workers + 1) * self.pool_size + _ROOM

    def needed(self, name: str) -> str:
        """The value of a setting that must be there. Raises Unset."""
        found = getattr(self, name)
        if not found:
            variable = name.upper() if name in {"database_url", "redis_url"} else f"RAPPORT_{name.upper()}"
            same = ", to the same random words on every server" if name == "secret_key" else ""
            raise Unset(f"{variable} is not set; `rapport up` sets it, or set it yourself{same}.")
        return str(found.get_secret_value()) if isinstance(found, SecretStr) else str(found)


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
