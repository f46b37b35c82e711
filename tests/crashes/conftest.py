import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A folder that the servers' account can enter, which pytest's own is not when run as root."""
    path = Path(tempfile.mkdtemp(prefix="rapport-crash-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)
