"""The embedded Redis: it carries jobs and forgets nothing on a crash, but the database alone is the truth."""

import os
import re
import signal
import socket
from pathlib import Path

from app.embedded.places import make_dir, take
from app.embedded.process import Server, ServerError, wait_for
from app.kit import clock

_HEAL_SECONDS = 30
_LOAD_SECONDS = 600
_BROKEN = re.compile(r"reading the append only file|AOF manifest")


class Redis(Server):
    """A Redis in a folder, reached through a unix socket."""

    name = "Redis"

    @property
    def _data(self) -> Path:
        return self._root / "data"

    @property
    def _socket(self) -> Path:
        return self._sockets / "redis.sock"

    @property
    def url(self) -> str:
        """Where it listens, through its socket."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        make_dir(self._data, self._account)
        if self._try_start():
            return
        if _BROKEN.search(self.child.said()):
            # Everything in it is queued again from the database, so a broken file must not stop the house.
            self._data.joinpath("appendonlydir").rename(
                self._data / f"appendonlydir.broken-{clock.now():%Y%m%dT%H%M%S.%f}"
            )
            if self._try_start():
                return
        raise ServerError(
            f"Redis did not start: {' '.join(self.child.said().split())[-300:]} The whole log is {self._log}."
        )

    def stop(self) -> None:
        """Let it write its file and end."""
        if self._child:
            self._child.stop(signal.SIGTERM, seconds=20)

    def _try_start(self) -> bool:
        # The child inherits the lock and so holds it as long as it lives: a predecessor that is still writing its
        # last bytes would take the new socket away with its own when it ends.
        with (self._root / "lock").open("a") as lock:
            if wait_for(lambda: take(lock), seconds=_HEAL_SECONDS, pause=0.05) is None:
                raise ServerError(
                    f"Another Redis still runs on {self._data} and does not end: stop it first."
                )
            self._socket.unlink(missing_ok=True)
            options = _options(self._socket, self._data, durable=self._durable)
            self._child = self._run([self._program, *options], pass_fds=[lock.fileno()])
        return bool(wait_for(self._answer, seconds=_LOAD_SECONDS))

    def _answer(self) -> bool | None:
        """True once it serves, False when it has ended, None while it loads its file."""
        if self.child.ended() is not None:
            self.child.reap()
            return False
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(os.fspath(self._socket))
                client.sendall(b"PING\r\n")
                return True if client.recv(64).startswith(b"+PONG") else None
            except OSError:
                return None


def _options(path: Path, data: Path, *, durable: bool) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes" if durable else "no",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]
