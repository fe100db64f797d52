"""PUBs as users give them: read by Qiskit's own rules, and checked before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt
    from qiskit.primitives.containers.estimator_pub import EstimatorPub
    from qiskit.primitives.containers.sampler_pub import SamplerPub

_Pub = TypeVar("_Pub")
_LISTED = 6


def coerced(pubs: Iterable[Any], coerce: Callable[[Any], _Pub], form: str) -> list[_Pub]:
    """Read PUBs.

    Args:
        pubs: As users give them.
        coerce: Qiskit's way to read one.
        form: What a PUB looks like, for messages.

    Raises:
        TypeError, ValueError, QiskitError: What Qiskit raises, with the PUB's place and what to give instead.
    """
    try:
        each = iter(pubs)
    except TypeError:
        raise TypeError(f"run() takes a list of PUBs, not {pubs!r}. A PUB is {form}.") from None
    read = []
    for i, pub in enumerate(each):
        try:
            read.append(coerce(pub))
        except (TypeError, AttributeError, ValueError, QiskitError) as error:
            kind = next((kind for kind in (ValueError, QiskitError) if isinstance(error, kind)), TypeError)
            message = getattr(error, "message", str(error)).rstrip(".")
            raise kind(f"PUB {i}: {message}. A PUB is {form}.{_parameters(pub)}") from error
    return read


def _parameters(pub: Any) -> str:
    """Which parameters a PUB's circuit has, where it has a circuit."""
    circuit = pub[0] if isinstance(pub, tuple | list) and pub else pub
    if not isinstance(circuit, QuantumCircuit):
        return ""
    names = [parameter.name for parameter in circuit.parameters]
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return f" The parameters of {circuit.name!r}: {listed or 'none'}."


def values(pub: SamplerPub | EstimatorPub, circuit: QuantumCircuit, place: int) -> npt.NDArray[np.float64]:
    """A PUB's parameter values.

    Args:
        pub: The PUB.
        circuit: Its circuit, or what was made of it, in whose order parameters are wanted.
        place: Which one it is, for messages.

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
        raise ValueError(f"PUB {place} has no values for {', '.join(missing)}, but for {', '.join(sorted(given))}.")
    array: npt.NDArray[np.float64] = bindings.as_array(parameters)
    if not np.isfinite(array).all():
        *binding, column = map(int, np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"PUB {place} has the value {array[(*binding, column)]} for {parameters[column].name!r} (binding "
            f"{tuple(binding)}); parameter values must be finite numbers."
        )
    return array.reshape(bindings.size, len(parameters))
