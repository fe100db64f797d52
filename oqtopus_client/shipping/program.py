"""Programs that run a function next to the device, as the text that is submitted: `build`."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import secrets
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from oqtopus_client.shipping.archive import archive, pack
from oqtopus_client.shipping.captures import Captures
from oqtopus_client.shipping.function_source import described
from oqtopus_client.shipping.loader import LAST_PROGRAM
from oqtopus_client.shipping.local_modules import LocalModules
from oqtopus_client.shipping.modules import features_in
from oqtopus_client.shipping.values import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

MAX_BYTES = 125_000
"""Maximum size of a program as JSON.

Servers pass the program's job in an environment variable, of which Linux takes 128 KiB; this leaves room for the rest
of the job.
"""

_POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
_PACKAGES = ("oqtopus_client", "qiskit_oqtopus")
_FIRST_LINE = "# A function shipped by oqtopus-client"
_PROGRAM = """{first_line} {version} (Apache-2.0): {name}
import base64, bz2, json, os, sys, tempfile, traceback

ARCHIVE = "{archive}"
CALL = "{call}"


def unpack(text):
    return bz2.decompress(base64.b85decode(text)).decode("utf-8", "surrogatepass")


def forget():
    for name in list(sys.modules):
        if name.partition(".")[0] in ("oqtopus_client", "qiskit_oqtopus", "sse_driver"):
            del sys.modules[name]


def load(folder):
    parts = unpack(ARCHIVE).split("\\0")
    for path, text in zip(parts[::2], parts[1::2]):
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    sys.path.insert(0, folder)
    forget()
    from oqtopus_client.shipping.loader import main
    return main, json.loads(unpack(CALL))


def keep_log(folder):
    sys.path[:] = [path for path in sys.path if path != folder]
    forget()
    import sse_driver
    from oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest
    job = JobsSubmitJobRequest(device_id="", job_type="sampling", shots=1, transpiler_info={{"transpiler_lib": None}})
    sse_driver.submit_job(job, JobsS3SubmitJobInfo(program=['{last_program}']))


if __name__ == "__main__":
    output, folder = os.dup(1), tempfile.mkdtemp()
    try:
        main, call = load(folder)
    except BaseException:
        traceback.print_exc()
        keep_log(folder)
    else:
        main(call, output, folder)
"""


class Options(Protocol):
    """The settings of a program that `build` needs."""

    @property
    def modules(self) -> Sequence[ModuleType | str]:
        """Local modules that the function needs, or their names."""

    @property
    def timeout(self) -> float:
        """Seconds after which the function is stopped."""


def build(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    kind: Literal["backend", "client"],
    device: dict[str, Any] | None,
    backend_settings: Mapping[str, Any] | None = None,
    options: Options,
) -> str:
    """Return the program that calls a function next to the device.

    Args:
        function: The function. It is shipped as source, with the functions of its module and the values that it uses.
        args: Its arguments after the first.
        kwargs: Its keyword arguments.
        kind: Its first argument: a `backend` of the device, or a `client`.
        device: The device as the User API describes it, as JSON; None if not needed.
        backend_settings: `measure_duration` of the backend's provider and `options` of the backend, where they are not
            the default ones.
        options: Settings.

    Raises:
        TypeError: The function cannot be called with these arguments, or one of them is of a type that cannot be sent.
        ValueError: Something cannot be sent, or the program is too large.
    """
    if not isinstance(function, FunctionType):
        raise TypeError(
            f"A program must be a function, not {_kind_of(function)}; define a function with def that takes what it "
            "needs as arguments."
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        name = described(function)
        raise TypeError(f"{name} is a generator function; collect what it yields in a list and return that.")
    labels, keywords = _labels(function, args, kwargs, kind)
    names = [module if isinstance(module, str) else module.__name__ for module in options.modules]
    ours = [name for name in names if name.partition(".")[0] in _PACKAGES]
    modules = LocalModules(name for name in names if name not in ours)
    captures = Captures(function, modules)
    call: dict[str, Any] = {
        "args": [captures.refer(value, label) for label, value in zip(labels, args, strict=True)],
        "kwargs": {name: captures.refer(value, keywords[name]) for name, value in kwargs.items()},
        "function": captures.refer(function, described(function)),
        "functions": captures.functions,
        "namespace": captures.namespace,
        "files": modules.files,
        "device": device,
        "backend_settings": encode(backend_settings or {}, "backend"),
        "kind": kind,
        "name": function.__name__,
        "tag": secrets.token_hex(8),
        "timeout": options.timeout,
        "version": importlib.metadata.version("oqtopus-client"),
    }
    text = json.dumps({**call, "device": None})
    packages = _PACKAGES if kind == "backend" or "qiskit_oqtopus" in text else _PACKAGES[:1]
    program = _PROGRAM.format(
        first_line=_FIRST_LINE,
        last_program=LAST_PROGRAM,
        version=call["version"],
        name=function.__name__.encode("ascii", "replace").decode(),
        archive=(packed := archive(text, packages, ours)),
        call=pack(json.dumps(call)),
    )
    if (size := program_bytes(program)) > MAX_BYTES:
        arguments = [*zip(labels, call["args"], strict=True), *((keywords[n], v) for n, v in call["kwargs"].items())]
        raise ValueError(_too_large(size, len(packed), features_in(text), call, dict(arguments)))
    return program


def program_bytes(program: str) -> int:
    r"""Return the size of a program in the form in which servers pass it to its container.

    >>> program_bytes("print('1')\n")
    14
    """
    return len(json.dumps(program, ensure_ascii=False).encode())


def is_built(program: str) -> bool:
    """Return whether `build` made a program."""
    return program.startswith(_FIRST_LINE)


def _labels(
    function: FunctionType, args: Sequence[Any], kwargs: Mapping[str, Any], kind: str
) -> tuple[list[str], dict[str, str]]:
    """Return descriptions of the arguments, by position and by keyword.

    Raises:
        TypeError: The function cannot be called with them.
    """
    signature = inspect.signature(function)
    try:
        signature.bind(None, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{described(function)} cannot be called with these arguments and a {kind}: {error}.") from None
    names = [each.name for each in signature.parameters.values() if each.kind in _POSITIONAL][1:]
    labels = [f"Argument {name!r}" for name in names[: len(args)]]
    labels += [f"Argument {number}" for number in range(len(labels) + 2, len(args) + 2)]
    return labels, {key: f"Argument {key!r}" for key in kwargs}


def _too_large(
    size: int, package_size: int, features: Sequence[str], call: Mapping[str, Any], arguments: Mapping[str, Any]
) -> str:
    contents = {
        **{f"module {path}": text for path, text in call["files"].items()},
        **{f"{each['definition']['name']}()": each for each in call["functions"]},
        **{f"global {name!r}": value for name, value in call["namespace"].items()},
        **({"the device's description": call["device"]} if call["device"] else {}),
        **{label[0].lower() + label[1:]: value for label, value in arguments.items()},
    }
    sizes = {"this package": package_size, **{part: len(pack(json.dumps(each))) for part, each in contents.items()}}
    listed = ", ".join(f"{part} {size:,}" for part, size in sorted(sizes.items(), key=lambda part: -part[1]))
    cause = f" This package is larger for what the program mentions: {', '.join(features)}." if features else ""
    return (
        f"The program has {size:,} bytes; servers cannot start programs of more than {MAX_BYTES:,} bytes. Approximate "
        f"sizes of its parts, compressed: {listed}. Pass less data, or compute it within the function.{cause}"
    )


def _kind_of(function: object) -> str:
    return f"a {type(function).__name__}" if not isinstance(function, type) else f"the class {function.__name__}"
