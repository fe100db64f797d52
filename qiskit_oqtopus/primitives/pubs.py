"""Users' PUBs, read by Qiskit's own rules and checked before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.bindings_array import BindingsArray

from qiskit_oqtopus.reals import reals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt
    from qiskit.primitives.containers.estimator_pub import EstimatorPub
    from qiskit.primitives.containers.sampler_pub import SamplerPub

_Pub = TypeVar("_Pub")
_LISTED = 6


def coerced(pubs: Iterable[Any], coerce: Callable[[Any], _Pub], form: str, column: int) -> list[_Pub]:
    """Read PUBs.

    Args:
        pubs: The PUBs, as users give them.
        coerce: Reads one as Qiskit does.
        form: The form of a PUB, for messages.
        column: Index of the parameter values in a PUB.

    Raises:
        TypeError, ValueError, QiskitError: Qiskit's error, with the index of the PUB and the form that is expected.
    """
    try:
        each = iter(pubs)
    except TypeError:
        raise TypeError(f"run() takes a list of PUBs, not {pubs!r}. A PUB is {form}.") from None
    read = []
    for i, pub in enumerate(each):
        try:
            read.append(coerce(_with_reals(pub, column)))
        except (TypeError, AttributeError, ValueError, QiskitError) as error:
            kind = next((kind for kind in (ValueError, QiskitError) if isinstance(error, kind)), TypeError)
            message = getattr(error, "message", str(error)).rstrip(".")
            if message.startswith(
                "Non-Hermitian"
            ):  # Qiskit's verdict on infinities too, as inf * 1 is inf + nan j for it
                message = message.replace("Non-Hermitian", "Non-Hermitian or not finite", 1)
            if "observable" in message and isinstance(pub, tuple) and getattr(pub[0], "layout", None) is not None:
                message += ". The circuit was transpiled; use observable.apply_layout(circuit.layout)"
            raise kind(f"PUB {i}: {message}. A PUB is {form}.{_parameters(pub)}") from error
    return read


def _with_reals(pub: Any, column: int) -> Any:
    """Return a PUB with parameter values as floats: Qiskit would parse text as numbers, and drop imaginary parts."""
    if not isinstance(pub, tuple | list) or len(pub) <= column:
        return pub
    given = pub[column]
    if given is None or isinstance(given, BindingsArray):
        return pub
    if isinstance(given, Mapping):
        _check_unique([names for names in given if isinstance(names, str | Parameter)])
    values = {names: reals(value) for names, value in given.items()} if isinstance(given, Mapping) else reals(given)
    return (*pub[:column], values, *pub[column + 1 :])


def _check_unique(keys: Sequence[str | Parameter]) -> None:
    """Check that no parameter has two values: Qiskit would use the last one.

    Raises:
        ValueError: Two keys have the same name.
    """
    for name, number in Counter(key if isinstance(key, str) else key.name for key in keys).items():
        if number > 1:
            raise ValueError(f"{name!r} has {number} values")


def _parameters(pub: Any) -> str:
    """Return a sentence that lists the parameters of a PUB's circuit; empty without a circuit."""
    circuit = pub[0] if isinstance(pub, tuple | list) and pub else pub
    if not isinstance(circuit, QuantumCircuit):
        return ""
    names = [parameter.name for parameter in circuit.parameters]
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return f" The parameters of {circuit.name!r}: {listed or 'none'}."


def parameter_rows(pub: SamplerPub | EstimatorPub, circuit: QuantumCircuit, index: int) -> npt.NDArray[np.float64]:
    """Return a PUB's parameter values as rows.

    Args:
        pub: The PUB.
        circuit: Its circuit, or one made of it, whose order of parameters counts.
        index: Index of the PUB, for messages.

    Returns:
        Shape (bindings, parameters): a column for each of `circuit.parameters`, a row for each binding, of whose axes
        the last runs fastest.

    Raises:
        ValueError: A value is not finite, or a parameter has none.
    """
    parameters = list(circuit.parameters)
    bindings = pub.parameter_values
    given = {name for names in bindings.data for name in names}
    if missing := [parameter.name for parameter in parameters if parameter.name not in given]:
        raise ValueError(f"PUB {index} has no values for {', '.join(missing)}, only for {', '.join(sorted(given))}.")
    array: npt.NDArray[np.float64] = bindings.as_array(parameters)
    if not np.isfinite(array).all():
        *binding, column = map(int, np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"PUB {index} has the value {array[(*binding, column)]} for {parameters[column].name!r} (binding "
            f"{tuple(binding)}); parameter values must be finite numbers."
        )
    return array.reshape(bindings.size, len(parameters))
