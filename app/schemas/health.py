"""The state of the service on the wire."""

from typing import Literal

from pydantic import BaseModel


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether requests can be served, and if not, what is in the way."""

    status: Literal["ready", "not ready"]
    faults: list[str]
