"""Draw `pictures/chip.png`: an emulated chip and the qubits that a twelve-qubit GHZ circuit uses."""

from pathlib import Path

from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus import OqtopusProvider

if __name__ == "__main__":
    ghz = QuantumCircuit(12, name="GHZ")
    ghz.h(0)
    for qubit in range(11):
        ghz.cx(qubit, qubit + 1)
    ghz.measure_all()
    with OqtopusProvider.emulator(":memory:") as provider:
        chip = provider.get_backend("lattice64")
        figure = chip.plot(circuit=transpile(ghz, chip, optimization_level=3, seed_transpiler=1))
    figure.savefig(Path(__file__).parent / "pictures" / "chip.png", dpi=80)
