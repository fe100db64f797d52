"""`backend.plot()` draws the published calibration."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import EllipseCollection
from matplotlib.colors import to_rgba
from matplotlib.quiver import Quiver
from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus.visualization.chip import plot_chip
from qiskit_oqtopus.visualization.colors import UNKNOWN, Scale, colours
from tests.support.chips import device

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from qiskit_oqtopus import OqtopusBackend, OqtopusProvider

PAIR = {
    "qubits": [{"id": 0, "position": {"x": 0, "y": 0}}, {"id": 1, "position": {"x": 1, "y": 0}}],
    "couplings": [{"control": 1, "target": 0}],
}


def drawn(figure: Figure) -> Figure:
    """Return the figure after rendering it without a warning."""
    figure.savefig(io.BytesIO(), format="png")
    return figure


def qubits(figure: Figure) -> list[EllipseCollection]:
    """Return the rings and the discs of the qubits."""
    ring, _, disc = (c for c in figure.axes[0].collections if isinstance(c, EllipseCollection))
    return [ring, disc]


def arrows(figure: Figure) -> Quiver:
    """Return the arrows of the couplings."""
    return next(c for c in figure.axes[0].collections if isinstance(c, Quiver))


def labels(figure: Figure) -> list[Text]:
    """Return the number labels of the qubits."""
    return list(figure.axes[0].texts)


def bars(figure: Figure) -> list[str]:
    """Return the titles of the colour bars."""
    return [axes.get_title() for axes in figure.axes[1:]]


def ticks(bar: Axes) -> list[Text]:
    """Return the visible tick labels of a colour bar."""
    low, high = bar.get_xlim()
    return [label for at, label in zip(bar.get_xticks(), bar.get_xticklabels(), strict=True) if low <= at <= high]


def published(backend: OqtopusBackend) -> tuple[np.ndarray, ...]:
    """Return the published positions and errors of gates, readout and couplings."""
    info: Any = backend.device.device_info
    return (
        np.array([[q["position"]["x"], q["position"]["y"]] for q in info["qubits"]], dtype=float),
        np.array([1 - q["fidelity"] for q in info["qubits"]]),
        np.array([q["meas_error"]["readout_assignment_error"] for q in info["qubits"]]),
        np.array([1 - c["fidelity"] for c in info["couplings"]]),
    )


@pytest.mark.parametrize(("name", "n_qubits", "n_couplings"), [("qulacs", 16, 22), ("lattice64", 64, 112)])
def test_chip(provider: OqtopusProvider, name: str, n_qubits: int, n_couplings: int) -> None:
    """Each qubit and coupling is at its position, in the colours of its errors."""
    backend = provider.get_backend(name)
    figure = drawn(backend.plot())
    positions, gates, readout, couplings = published(backend)
    ring, disc = qubits(figure)

    assert len(disc.get_offsets()) == n_qubits
    assert np.allclose(disc.get_offsets(), positions - positions.min(axis=0))
    assert np.allclose(ring.get_offsets(), disc.get_offsets())
    assert np.array_equal(disc.get_facecolor(), colours(Scale.of("", "Blues", gates), gates))
    assert np.array_equal(ring.get_facecolor(), colours(Scale.of("", "Oranges", readout), readout))
    assert n_couplings == arrows(figure).N
    assert np.array_equal(arrows(figure).get_facecolor(), colours(Scale.of("", "RdPu", couplings), couplings))
    assert [label.get_text() for label in labels(figure)] == [str(i) for i in range(n_qubits)]
    assert [label.get_position() for label in labels(figure)] == [tuple(p) for p in disc.get_offsets()]
    assert bars(figure) == ["Gate error (disc)", "Readout error (ring)", "Two-qubit gate error (arrow)"]
    assert figure.legends == []


@pytest.mark.parametrize("name", ["qulacs", "lattice64", "lattice144"])
def test_legible(provider: OqtopusProvider, name: str) -> None:
    """Labels are legible and within their discs, qubits do not overlap, and everything is within the figure."""
    figure = drawn(provider.get_backend(name).plot())
    _, disc = qubits(figure)
    to_pixels = figure.axes[0].transData.transform
    pixels = to_pixels(disc.get_offsets())
    unit = to_pixels((1, 0))[0] - to_pixels((0, 0))[0]
    inner, outer = 2 * 0.235 * unit, 2 * 0.33 * unit
    apart = np.linalg.norm(pixels[:, None] - pixels, axis=-1)[np.triu_indices(len(pixels), 1)]

    assert apart.min() > 1.4 * outer
    for label in labels(figure):
        box = label.get_window_extent()
        assert max(box.width, box.height) < inner
        assert label.get_fontsize() >= 8
    for text in [*figure.texts, *(text for bar in figure.axes[1:] for text in [bar.title, *ticks(bar)])]:
        box = text.get_window_extent()
        assert figure.bbox.containsx(box.x0)
        assert figure.bbox.containsx(box.x1)
        assert not box.overlaps(figure.axes[0].get_window_extent())
    assert (pixels.min(axis=0) > outer / 2).all()
    assert (pixels.max(axis=0) < np.array(figure.bbox.max) - outer / 2).all()


def test_title(provider: OqtopusProvider) -> None:
    """The title names the device and the time of calibration."""
    figure = drawn(provider.get_backend("lattice64").plot())

    assert [text.get_text() for text in figure.texts] == ["lattice64", "64 qubits, calibrated 2026-04-01 00:00 UTC"]


def test_hostile_name() -> None:
    """Text from the server is neither a formula nor a terminal command."""
    figure = drawn(plot_chip(device(PAIR, device_id="$\\frac{1}\x1b[31m\n$")))

    assert [text.get_text() for text in figure.texts] == ["$\\frac{1}[31m$", "2 qubits"]


def test_direction() -> None:
    """Arrows go from control to target, from ring to ring."""
    arrow = arrows(drawn(plot_chip(device(PAIR))))

    assert arrow.XY.tolist() == [[pytest.approx(0.67), 0]]
    assert (arrow.U.tolist(), arrow.V.tolist()) == ([pytest.approx(-0.34)], [0])


def test_both_directions() -> None:
    """Opposite couplings are two arrows, side by side, each in its own colour."""
    couplings = [{"control": 0, "target": 1, "fidelity": 0.98}, {"control": 1, "target": 0, "fidelity": 0.97}]
    arrow = arrows(drawn(plot_chip(device({**PAIR, "couplings": couplings}))))

    assert arrow.U.tolist() == [pytest.approx(0.34), pytest.approx(-0.34)]
    assert arrow.XY[0, 1] == -arrow.XY[1, 1] != 0
    assert np.array_equal(
        arrow.get_facecolor(), colours(Scale.of("", "RdPu", np.array([0.02, 0.03])), np.array([0.02, 0.03]))
    )


def test_unknown_is_grey() -> None:
    """Unknown errors are grey, with a legend; kinds of errors without known values have no colour bar."""
    info = {**PAIR, "qubits": [{**PAIR["qubits"][0], "fidelity": 0.99}, PAIR["qubits"][1]]}  # type: ignore[dict-item]
    figure = drawn(plot_chip(device(info)))
    ring, disc = qubits(figure)

    assert disc.get_facecolor()[1].tolist() == list(to_rgba(UNKNOWN))
    assert disc.get_facecolor()[0].tolist() != list(to_rgba(UNKNOWN))
    assert ring.get_facecolor().tolist() == [list(to_rgba(UNKNOWN))] * 2
    assert arrows(figure).get_facecolor().tolist() == [list(to_rgba(UNKNOWN))]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["unknown"]
    assert bars(figure) == ["Gate error (disc)"]


def test_no_calibration() -> None:
    """A device that publishes only its number of qubits is drawn."""
    figure = drawn(plot_chip(device(None, n_qubits=5)))

    assert len(qubits(figure)[0].get_offsets()) == 5
    assert not any(isinstance(c, Quiver) for c in figure.axes[0].collections)
    assert bars(figure) == []


def test_circuit(provider: OqtopusProvider) -> None:
    """Unused qubits and couplings are faded; delays and barriers do not count as use."""
    backend = provider.get_backend("lattice64")
    circuit = QuantumCircuit(64, 2, name="pair")
    circuit.cx(9, 8)
    circuit.measure([9, 8], [0, 1])
    circuit.delay(100, 3)
    circuit.barrier()
    circuit.x(20)
    figure = drawn(backend.plot(circuit=circuit))
    info: Any = backend.device.device_info
    of_pair = [{c["control"], c["target"]} == {8, 9} for c in info["couplings"]]

    for collection in qubits(figure):
        assert np.flatnonzero(collection.get_facecolor()[:, 3] == 1).tolist() == [8, 9, 20]
    assert (arrows(figure).get_facecolor()[:, 3] == 1).tolist() == of_pair
    assert sum(of_pair) == 1
    assert figure.texts[1].get_text().endswith(", as used by pair")


def test_transpiled_circuit(provider: OqtopusProvider) -> None:
    """The qubits of a transpiled circuit's layout are not faded."""
    backend = provider.get_backend("lattice64")
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    circuit = transpile(bell, backend, initial_layout=[27, 28], seed_transpiler=1)
    figure = drawn(backend.plot(circuit=circuit))

    assert np.flatnonzero(qubits(figure)[0].get_facecolor()[:, 3] == 1).tolist() == [27, 28]


def test_circuit_of_another_width(backend: OqtopusBackend) -> None:
    """A circuit that was not transpiled for the device is refused."""
    with pytest.raises(
        ValueError, match=r"Circuit 'bell' has 2 qubits, but device 'qulacs' has 16: transpile it for the"
    ):
        backend.plot(circuit=QuantumCircuit(2, name="bell"))

    assert plt.get_fignums() == []


def test_users_style_stays(backend: OqtopusBackend) -> None:
    """The user's style neither affects the picture nor is changed by it."""
    with plt.style.context("dark_background"):
        figure = drawn(backend.plot())

        assert mpl.rcParams["figure.facecolor"] == "black"
    assert figure.get_facecolor() == to_rgba("white")
    assert figure.texts[0].get_color() != "white"


def test_pyplot_knows_the_figure(backend: OqtopusBackend) -> None:
    """`plt.show()` displays the figure."""
    figure = backend.plot()

    assert plt.fignum_exists(figure.number)


@pytest.mark.parametrize("name", ["inline", "module://matplotlib_inline.backend_inline", "nbAgg"])
def test_notebooks_show_it_once(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In notebooks, the figure is closed so that it is displayed once."""
    monkeypatch.setattr(mpl, "get_backend", lambda: name)
    drawn(backend.plot())

    assert plt.get_fignums() == []


def test_without_matplotlib(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error contains the command to install it."""
    for module in [name for name in sys.modules if name.startswith("qiskit_oqtopus.visualization")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"Pictures need matplotlib .*pip install 'oqtopus-client\[visualization\]'"):
        backend.plot()
