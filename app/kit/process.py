"""The interpreter of a process that lives long and works on thousands of objects at a time."""

import atexit
import gc
import sys


def settle_in() -> None:
    """Set the interpreter for the work to come; call it once all modules are loaded.

    What is loaded by now stays, and the collector looks at the rest seldom: at its usual pace, of 700 objects, it goes
    over all that a batch holds again and again, which took a third of an import's time. A thread that computes gives way
    ten times as soon: the event loop would else wait 5 ms for it at each word from the database.
    """
    gc.collect()
    gc.freeze()
    # What stays to the very end, libraries written in C++ take for a leak, and list it.
    atexit.register(gc.unfreeze)
    gc.set_threshold(200_000, 20, 50)
    sys.setswitchinterval(0.0005)
