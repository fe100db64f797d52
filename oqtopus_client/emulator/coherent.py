"""Coherent errors of an emulated device: wrong angles of gates, and phases that qubits acquire as time passes."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from oqtopus_client.emulator.calibration import first_error
from oqtopus_client.emulator.simulation.operations import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def _pair(key: Any) -> Any:
    """Return the two qubits of a key such as `0,1`, as JSON has no other keys than text."""
    return tuple(key.split(",")) if isinstance(key, str) else key


_Kind = TypeVar("_Kind")
_Qubit = Annotated[int, Field(ge=0)]
_Number = Annotated[float, Field(strict=True, ge=-1e9, le=1e9)]
_Coupling = Annotated[tuple[_Qubit, _Qubit], BeforeValidator(_pair)]
_KIND = Discriminator(lambda values: "each" if isinstance(values, dict) else "all")
_PerQubit = Annotated[Annotated[_Number, Tag("all")] | Annotated[dict[_Qubit, _Number], Tag("each")], _KIND]
_PerCoupling = Annotated[Annotated[_Number, Tag("all")] | Annotated[dict[_Coupling, _Number], Tag("each")], _KIND]

_ROTATIONS = {"x": ("rx", math.pi), "sx": ("rx", math.pi / 2), "cx": ("rzx", math.pi / 2)}
"""The rotation in each gate that its pulses cause, as a gate and an angle; a `cx` contains an `rzx90`."""


def _with_short_errors(kind: type[_Kind]) -> type[_Kind]:
    """Let the constructor of a dataclass of pydantic raise errors of one line."""
    validate = kind.__init__

    @functools.wraps(validate)
    def construct(self: _Kind, *args: Any, **fields: Any) -> None:
        try:
            validate(self, *args, **fields)
        except ValidationError as error:
            names = ", ".join(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]
            raise ValueError(f"{kind.__name__}: {first_error(error)} Its fields are {names}.") from None

    kind.__init__ = construct  # type: ignore[assignment, method-assign]
    return kind


@_with_short_errors
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CoherentErrors:
    """Coherent errors of a device, which come on top of those of its calibration.

    Each is a number that applies to all qubits or couplings, or a mapping of the index of a qubit or of the indices of
    a coupling's control and target to numbers, with zero for those that are left out. In JSON, the key of a coupling
    is text, such as `"0,1"`.

    Attributes:
        x: Excess of the rotation of an `x`, as a fraction of pi.
        sx: Excess of the rotation of an `sx`, as a fraction of pi / 2.
        cx: Excess of the `rzx90` in a `cx`, as a fraction of pi / 2.
        zz_khz: Shift of the frequency of a coupled qubit by an excited neighbour, in kHz.
        detuning_khz: Frequency of a qubit minus that of its pulses, in kHz, while its neighbours are in state 0.

    Raises:
        ValueError: A value is not valid; the message names it.
    """

    x: _PerQubit = 0.0
    sx: _PerQubit = 0.0
    cx: _PerCoupling = 0.0
    zz_khz: _PerCoupling = 0.0
    detuning_khz: _PerQubit = 0.0

    def check(self, *calibrations: Mapping[str, Any]) -> None:
        """Check that a device, or one of several, has each of the qubits and couplings to which values are assigned.

        Raises:
            ValueError: None has it.
        """
        missing = "the device does not have" if len(calibrations) == 1 else "no noisy device has"
        qubits = {qubit for calibration in calibrations for qubit in range(len(calibration["qubits"]))}
        every = [coupling for calibration in calibrations for coupling in calibration["couplings"]]
        couplings = {(coupling["control"], coupling["target"]) for coupling in every}
        either_way = couplings | {(target, control) for control, target in couplings}
        known: dict[str, set[Any]] = dict.fromkeys(("x", "sx", "detuning_khz"), qubits)
        known |= {"cx": couplings, "zz_khz": either_way}
        for name, places in known.items():
            values = getattr(self, name)
            if isinstance(values, dict) and (unknown := values.keys() - places):
                raise ValueError(f"coherent.{name} has {min(unknown)}, which {missing}.")

    def to_json(self) -> dict[str, Any]:
        """Return the content of a device file's field, without what is zero everywhere."""
        content: dict[str, Any] = TypeAdapter(CoherentErrors).dump_python(self, mode="json", exclude_defaults=True)
        return content

    def over_rotation(self, gate: str, qubits: tuple[int, ...]) -> Operation | None:
        """Return the rotation that follows a gate by mistake; None if there is none."""
        name, angle = _ROTATIONS[gate]
        excess = _at(getattr(self, gate), qubits if gate == "cx" else qubits[0])
        return Operation(name, qubits, excess * angle) if excess else None

    def detuning(self, qubit: int) -> float:
        """Return a qubit's detuning in kHz."""
        return _at(self.detuning_khz, qubit)

    def zz(self, couplings: Iterable[tuple[int, int]]) -> dict[int, dict[int, float]]:
        """Return the neighbours of each qubit that shift its frequency, by how many kHz.

        Args:
            couplings: The couplings of the device, in either or both directions.
        """
        neighbours: dict[int, dict[int, float]] = {}
        pairs = dict.fromkeys(couplings, self.zz_khz) if isinstance(self.zz_khz, float) else self.zz_khz
        for (one, other), shift in pairs.items():
            if shift:
                neighbours.setdefault(one, {})[other] = shift
                neighbours.setdefault(other, {})[one] = shift
        return neighbours


def _at(values: float | Mapping[Any, float], place: Any) -> float:
    return values if isinstance(values, float) else values.get(place, 0.0)
