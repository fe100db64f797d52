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
from oqtopus_client.shipping.local_modules import LocalModules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

MAX_BYTES = 125_000
"""Maximum size of a program as JSON.

Servers pass the program's job in an environment variable, of which Linux takes 128 KiB; this leaves room for the rest
of the job.
"""

_FIRST_LINE = "# A function shipped by oqtopus-client"
_PROGRAM = """{first_line} {version}: {name}
if __name__ == "__main__":
    import base64, bz2, json, os, sys, tempfile
    output = os.dup(1)
    def unpack(text):
        return bz2.decompress(base64.b85decode(text)).decode("utf-8", "surrogatepass")
    folder = tempfile.mkdtemp()
    for archive in [
{archives}
    ]:
        parts = unpack(archive).split("\\0")
        for path, text in zip(parts[::2], parts[1::2]):
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    sys.path.insert(0, folder)
    for module in list(sys.modules):
        if module.partition(".")[0] in ("oqtopus_client", "qiskit_oqtopus", "sse_driver"):
            del sys.modules[module]
    from oqtopus_client.shipping.loader import main
    main(json.loads(unpack("{call}")), output, folder)
"""


class Options(Protocol):
    """The settings of a program that matter here."""

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
    options: Options,
) -> str:
    """Return the program that calls a function next to the device.

    Args:
        function: The function. It is shipped as source, with the functions of its module and the values that it uses.
        args: Its arguments after the first.
        kwargs: Its keyword arguments.
        kind: Its first argument: a `backend` of the device, or a `client`.
        device: The device as the User API describes it, as JSON; None if not needed.
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
    name = described(function)
    labels, keywords = _labels(function, args, kwargs, kind)
    modules = LocalModules(options.modules)
    captures = Captures(function, modules)
    references = [captures.refer(value, label) for label, value in zip(labels, args, strict=True)]
    keyword_references = {key: captures.refer(value, keywords[key]) for key, value in kwargs.items()}
    main = captures.refer(function, name)
    packages = _packages(kind, captures, modules)
    version = importlib.metadata.version("oqtopus-client")
    call = {
        "tag": secrets.token_hex(8),
        "version": version,
        "name": function.__name__,
        "kind": kind,
        "timeout": options.timeout,
        "device": device,
        "files": modules.files,
        "functions": captures.functions,
        "namespace": captures.namespace,
        "function": main,
        "args": references,
        "kwargs": keyword_references,
    }
    program = _PROGRAM.format(
        first_line=_FIRST_LINE,
        version=version,
        name=name.encode("ascii", "replace").decode(),
        archives="\n".join(f'        "{archive(package)}",' for package in packages),
        call=pack(json.dumps(call)),
    )
    if (size := len(json.dumps(program))) > MAX_BYTES:
        parts = {
            "this package": sum(len(archive(package)) for package in packages),
            **_sizes(captures, modules, device),
            **dict(zip(labels, map(_packed_size, references), strict=True)),
            **{keywords[key]: _packed_size(value) for key, value in keyword_references.items()},
        }
        raise ValueError(_too_large(size, parts))
    return program


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


_POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


def _packages(kind: str, captures: Captures, modules: LocalModules) -> list[str]:
    """Return the packages to take along: the provider only if it may be used."""
    used = [
        *modules.files.values(),
        *(each["definition"]["text"] for each in captures.functions),
        json.dumps(captures.namespace),
    ]
    with_provider = kind == "backend" or any("qiskit_oqtopus" in text for text in used)
    return ["oqtopus_client", "qiskit_oqtopus"] if with_provider else ["oqtopus_client"]


def _sizes(captures: Captures, modules: LocalModules, device: dict[str, Any] | None) -> dict[str, int]:
    sizes = {f"module {path}": _packed_size(text) for path, text in modules.files.items()}
    sizes |= {f"{each['definition']['name']}()": _packed_size(each) for each in captures.functions}
    sizes |= {f"global {name!r}": _packed_size(value) for name, value in captures.namespace.items()}
    return sizes | ({"the device's description": _packed_size(device)} if device else {})


def _packed_size(content: Any) -> int:
    return len(pack(json.dumps(content)))


def _too_large(size: int, parts: Mapping[str, int]) -> str:
    listed = ", ".join(f"{part} {size:,}" for part, size in sorted(parts.items(), key=lambda part: -part[1]))
    return (
        f"The program has {size:,} bytes; servers cannot start programs of more than {MAX_BYTES:,} bytes. Compressed, "
        f"its parts have some: {listed}. Pass less data, or compute it within the function."
    )


def _kind_of(function: object) -> str:
    return f"a {type(function).__name__}" if not isinstance(function, type) else f"the class {function.__name__}"
