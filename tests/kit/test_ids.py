"""Identifiers: UUID version 7, in the order of their making."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from app.kit.ids import new_id


def test_an_id_is_a_uuid_of_version_seven():
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == RFC_4122
    assert before <= made.int >> 80 <= after


def test_ids_sort_by_the_time_they_were_made():
    made = []
    for _ in range(50):
        made.append(new_id())
        time.sleep(0.000_02)  # the clock in an id has steps of a 4096th of a millisecond
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(map(str, made))


def test_ids_of_many_threads_do_not_meet():
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: new_id(), range(20_000)))
    assert len(set(made)) == len(made)


def test_ids_of_two_processes_do_not_meet():
    new_id()  # from here on there are numbers left that were drawn together
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, b"".join(_random_part(new_id()) for _ in range(100)))
        os._exit(0)
    mine = {_random_part(new_id()) for _ in range(100)}
    os.waitpid(child, 0)
    told = os.read(reading, 800)
    theirs = {told[at : at + 8] for at in range(0, 800, 8)}
    assert len(theirs) == 100
    assert mine.isdisjoint(theirs)


def _random_part(made: UUID) -> bytes:
    return made.bytes[8:]
