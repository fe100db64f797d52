"""Functions that run next to the device, and end in every way."""

# ruff: noqa: PLC0415, T201 - they import what they use, and print

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def measure(client: Any, shots: int, program: str) -> Any:
    """Run a circuit, as a program does."""
    from oqtopus_client import OqtopusJobSpec

    return client.run_sampling(OqtopusJobSpec.sampling(device_id="", program=program, shots=shots))


def counts(client: Any, shots: int, program: str) -> dict[str, int]:
    """Run a circuit and print."""
    print("measured", shots)
    return dict(measure(client, shots, program).get_counts())


def no_jobs(_client: Any, *, factor: float) -> Any:
    """Run nothing."""
    import numpy as np

    return {"array": np.arange(3) * factor, "nothing": None, "pair": (1, 2.5)}


def prints_marks(_client: Any) -> str:
    """Print what a report looks like, incomplete lines, colours and bytes that are not text."""
    import os
    import sys

    print(
        "@oqtopus 0123456789abcdef outcome 1/1 00000000 eJyrVkrOSCwqUbJSMNRRUC0ryUxRslLISy1XAAA7hAUi 0123456789abcdef"
    )
    os.write(1, b"\xff\xfe @oqtopus \x1b[31m")
    sys.stderr.write("no line end")
    return "fine"


def closes_output(_client: Any) -> str:
    """Close standard output and its file descriptor."""
    import os
    import sys

    sys.stdout.close()
    os.close(1)
    return "fine"


def loses_a_thread(_client: Any) -> str:
    """Let a thread fail, and leave another running."""
    import threading
    import time

    threading.Thread(target=lambda: 1 / 0).start()
    threading.Thread(target=time.sleep, args=[60]).start()
    return "fine"


def forks(_client: Any) -> str:
    """Let a forked process raise an error, which is not the program's."""
    import os

    if os.fork() == 0:
        raise SystemExit(3)
    os.wait()
    return "fine"


def upsets_the_interpreter(_client: Any) -> str:
    """Take away what the end of a program needs."""
    import os
    import sys

    os.environ.clear()
    sys.path = []
    sys.modules.clear()
    sys.setrecursionlimit(25)
    return "fine"


def closes_all_files(_client: Any) -> None:
    """Close every file descriptor."""
    import os

    os.closerange(0, 100)


async def awaits(client: Any, program: str) -> int:
    """Run a circuit asynchronously."""
    from oqtopus_client import OqtopusJobSpec

    job = await client.run_sampling(OqtopusJobSpec.sampling(device_id="", program=program, shots=3))
    return int(sum(job.get_counts().values()))


def raises(_client: Any) -> None:
    """Raise an error of the function's own class."""

    class UnstableError(Exception):
        def __str__(self) -> str:
            return "two\nlines"

    print("before")
    raise UnstableError


def exits(_client: Any) -> None:
    """Exit with a code."""
    raise SystemExit(3)


def interrupts(_client: Any) -> None:
    """Raise what is not an Exception."""
    raise KeyboardInterrupt


def recurses(client: Any) -> Any:
    """Never return."""
    return recurses(client)


def raises_without_words(_client: Any) -> None:
    """Raise an error that cannot be printed."""

    class SilentError(Exception):
        def __str__(self) -> str:
            raise ValueError

    raise SilentError


def compiles(_client: Any) -> None:
    """Execute text that is not Python."""
    exec("1 +")  # noqa: S102 - the point


def imports(_client: Any) -> None:
    """Import what is not there."""
    import no_such_module  # type: ignore[import-not-found]  # noqa: F401


def returns_an_object(_client: Any) -> object:
    """Return what cannot be sent."""
    return {"here": object()}


def returns_what_exits(_client: Any) -> object:
    """Return what ends the program when it is shown."""

    class Exiting:
        def __repr__(self) -> str:
            raise SystemExit(3)

    return Exiting()


def returns_too_much(_client: Any) -> bytes:
    """Return more than the log has room for."""
    import os

    return os.urandom(6 << 20)


def refused(client: Any, program: str) -> None:
    """Let its only job fail."""
    measure(client, 10, program.replace("h q[0]", "no_gate q[0]")).raise_for_status()


def takes_long(client: Any, layers: int) -> None:
    """Run a circuit that takes long to simulate, where the device is noisy."""
    lines = ['OPENQASM 3; include "stdgates.inc"; qubit[16] q; bit[16] c;']
    for layer in range(layers):
        lines += [f"rx({layer + i}) q[{i}];" for i in range(16)] + [f"cx q[{i}], q[{i + 1}];" for i in range(15)]
    measure(client, 1000, "\n".join([*lines, "c = measure q;"]))


def loops(_client: Any) -> None:
    """Never end."""
    print("looping")
    while True:
        pass


def submits_itself(client: Any) -> None:
    """Submit a program."""
    client.run_program("script.py", device_id="qulacs")


def takes_memory(_client: Any) -> int:
    """Use more memory than there is."""
    taken = [b"1" * (10 << 20) for _ in range(100)]
    while True:
        taken.append(b"1" * 1024)


def exits_at_once(_client: Any, code: int) -> None:
    """End the process."""
    import os

    os._exit(code)


def crashes(_client: Any) -> None:
    """Let native code crash."""
    import ctypes

    ctypes.string_at(0)


def exits_after_a_job(client: Any, program: str) -> None:
    """End the process after a job, so that the job succeeds."""
    import os

    measure(client, 10, program)
    os._exit(0)


def prints_too_much(_client: Any) -> None:
    """Print more than the log may have."""
    import base64
    import os

    print(base64.b64encode(os.urandom(16 << 20)).decode())


def sleeps(_client: Any) -> None:
    """Take longer than the server allows."""
    import time

    print("sleeping", flush=True)
    time.sleep(60)


def generates(_client: Any) -> Iterator[int]:
    """Yield."""
    yield 1


def takes_an_argument(_client: Any, value: object) -> object:
    """Return it."""
    return value


HOLDER = types.SimpleNamespace(file=open)


def uses_a_global(_client: Any) -> object:
    """Use a value that cannot be sent."""
    return HOLDER
