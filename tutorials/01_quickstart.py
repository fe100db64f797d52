# %% [markdown]
# # Quickstart
#
# Run a Bell circuit on an OQTOPUS device that is emulated on this computer. You need no account and no configuration.

# %%
from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus import OqtopusProvider

# %% [markdown]
# ## With Qiskit
#
# To use a server instead, set `OQTOPUS_URL` and `OQTOPUS_API_TOKEN` and write `OqtopusProvider()`.

# %%
provider = OqtopusProvider.emulator()
backend = provider.get_backend("qulacs")
print(f"Device {backend.name}: {backend.num_qubits} qubits, gates {sorted(backend.operation_names)}")

bell = QuantumCircuit(2, name="bell")
bell.h(0)
bell.cx(0, 1)
bell.measure_all()

job = backend.run(transpile(bell, backend), shots=1000)
print("Job", job.job_id())
print("Counts", job.result().get_counts())

# %% [markdown]
# ## With the SDK
#
# The same job in OpenQASM 3. The server transpiles it for the device.

# %%
from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator

program = """
OPENQASM 3;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c = measure q;
"""

with Emulator() as emulator, OqtopusClient(emulator.config) as client:
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=program, shots=1000, name="bell")
    result = client.run_sampling(spec, interval=0.1)
    print("Job", result.job_id, result.status)
    print("Counts", result.raise_for_status().get_counts())
