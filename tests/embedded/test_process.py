"""Children whose parent dies early."""

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone signals a parent's death")
def test_a_child_whose_parent_died_before_it_asked_ends_by_itself() -> None:
    reading, writing = os.pipe()
    story = f"""
import multiprocessing, os, time
from app.embedded.process import die_with_parent
def child():
    while os.getppid() == parent:
        time.sleep(0.01)
    die_with_parent()
    os.write({writing}, b"outlived")
parent = os.getpid()
multiprocessing.get_context("fork").Process(target=child).start()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", story], pass_fds=[writing], check=True, timeout=20)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b""  # the end comes when the child has ended
