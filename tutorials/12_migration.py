# %% [markdown]
# # Migrating from other clients and providers
#
# This tutorial lists the equivalents of other libraries' calls, and writes one measurement in several ways. It runs on
# the emulator, without an account, in about five seconds. It needs `pip install 'oqtopus-client[emulator]'`.
#
# ## The state of a job
#
# One habit from `qiskit-ibm-runtime` fails in silence, so it comes first: there, the status of a primitive's job is
# text. Here it is a member of Qiskit's `JobStatus`, as for most providers, and never equal to text: `job.status() ==
# "DONE"` is always false. Ask the job instead:

# %%
import math

from qiskit import QuantumCircuit, qasm3
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider, OqtopusSampler

emulator = Emulator(":memory:")
provider = OqtopusProvider(emulator.config)
backend = provider.get_backend("qulacs")

pair = QuantumCircuit(2)
pair.h(0)
pair.cx(0, 1)
pair.measure_all()
job = OqtopusSampler(backend).run([pair])
job.wait_for_final_state()
print("ended:", job.in_final_state(), " done:", job.done(), " failed:", job.errored(), " cancelled:", job.cancelled())
print("The status is DONE:", job.status() is JobStatus.DONE)

# %% [markdown]
# ## From the published `oqtopus-client` 1.x
#
# The names are the same, and `quri-parts-oqtopus` runs on this package unchanged. The change log begins with the few
# differences. These changes save time or trouble:
#
# | Instead of | write |
# |---|---|
# | `for job in jobs: client.submit_job(job)` | `client.submit_jobs(jobs, max_workers=16)` |
# | a loop over `client.get_job_status(job_id)` | `for job in client.as_completed(job_ids)` |
# | `if result.status == "failed": ...` | `result.raise_for_status()`, which raises an error with the server's message |
# | pages of `client.list_jobs(page=n)` | `for job in client.iter_jobs()` |
# | `asyncio.to_thread(client.run_sampling, job)` | `await AsyncOqtopusClient().run_sampling(job)` |
# | your own file of job ids | `OqtopusClient(journal="campaign.sqlite3")` |
#
# ## From other Qiskit providers
#
# Circuits, `transpile`, pass managers, targets and primitive results are Qiskit's and stay the same.
#
# | `qiskit-ibm-runtime` | `qiskit_oqtopus` |
# |---|---|
# | `QiskitRuntimeService()` | `OqtopusProvider()` |
# | `QiskitRuntimeService.save_account(token=...)` | `OqtopusProvider.save_account(url, token)` |
# | `service.backends(simulator=False, min_num_qubits=50)` | `provider.backends(simulator=False, min_num_qubits=50)` |
# | `service.backend(name)` | `provider.backend(name)` |
# | `service.least_busy()` | `provider.least_busy()` |
# | `least_busy(provider.backends(filters=f))`, from older providers | `provider.least_busy(filters=f)` |
# | `execute(circuit, backend)` | `backend.run(transpile(circuit, backend))` |
# | `backend.name()`, `backend.status()`, `backend.properties()`, `backend.configuration()` | the same |
# | `SamplerV2(mode=backend)` | the same, or `OqtopusSampler(backend)` |
# | `EstimatorV2(mode=backend)` | the same, or `OqtopusEstimator(backend)` |
# | `with Batch(backend=backend): ...` | the same, without precedence in the queue |
# | `with Session(backend=backend): ...` | the same, likewise; or `provider.run_program(function)` |
# | `job.status() == "DONE"` | `job.done()`, `job.running()`, `job.cancelled()`, `job.in_final_state()` |
# | `options.environment.job_tags = ["a"]`, `job.tags` | the same |
# | `service.job(job_id)`, `service.jobs(limit=5, pending=True)` | the same |
# | `service.jobs(created_after=time, job_tags=["a"])` | `provider.jobs(after=time, tags=["a"])` |
# | `job.metrics()`, `job.usage()`, `job.creation_date` | the same |
# | `json.dump(job.result(), file, cls=RuntimeEncoder)` | the same; or `job.save(path)`, `provider.load_job(path)` |
# | `NoiseModel.from_backend(backend)` | `backend.noise_model(qubits)`, or `backend.noisy(circuit)` |
# | a fake backend | `OqtopusProvider.emulator()` |
#
# | Other providers | `qiskit_oqtopus` |
# |---|---|
# | AQT: `AQTProvider(token)` with its offline simulators | `OqtopusProvider.emulator()` |
# | AQT: `job.persist()`, `AQTJob.restore(job_id)` | `job.save(path)`, `provider.load_job(path)` |
# | AQT: `AQTSampler(backend)` | `OqtopusSampler(backend)` |
# | IonQ: `IonQProvider(token).get_backend(name)` | `OqtopusProvider().get_backend(name)` |
# | IonQ: `backend.run(circuit, error_mitigation=...)` | `backend.run(circuit, mitigation="pseudo_inverse")` |
# | IonQ, IQM, Braket: `backend.retrieve_job(job_id)` | `provider.job(job_id)` |
# | Azure: `job.id()`, `job.wait_until_completed()` | `job.job_id()`, `job.wait_for_final_state()` |
# | Braket: `BraketSampler(backend, verbatim=True)` | `OqtopusSampler(backend, transpile="none")` |
# | Braket: `task.queue_position()`, `device.queue_depth()` | `job.queue_position()`, `backend.pending_jobs` |
# | Braket: `BraketLocalBackend()` | `OqtopusProvider.emulator().get_backend("qulacs")` |
#
# | Braket SDK | `oqtopus_client` |
# |---|---|
# | `AwsDevice(arn)` | `client.get_device(device_id)` |
# | `task = device.run(circuit, shots=1000)` | `answer = client.submit_job(OqtopusJobSpec.sampling(...))` |
# | `AwsQuantumTask(arn).result().measurement_counts` | `client.wait_for_job(job_id).get_counts()` |
#
# Note three differences. Bitstrings have classical bit 0 rightmost, as in Qiskit, whereas Braket's counts have it
# leftmost. Estimators mitigate nothing by default: `resilience_level` is 0, where qiskit-ibm-runtime has 1. Devices
# measure at the end only, so circuits that measure midway or reset qubits are refused.
#
# Other names, options and arguments of these providers raise errors that name the equivalent.

# %% [markdown]
# ## One measurement
#
# A Bell pair with one qubit rotated by π/3 has the parity ⟨ZZ⟩ = cos(π/3) = 1/2. Each way below measures it with
# the same standard error.

# %%
SHOTS = 10_000
state = QuantumCircuit(2, name="parity")
state.h(0)
state.cx(0, 1)
state.ry(math.pi / 3, 1)
measured = state.measure_all(inplace=False)


def parity(counts: dict[str, int]) -> float:
    """Return the average product of the outcomes 1 and -1."""
    return sum(number * (-1) ** key.count("1") for key, number in counts.items()) / SHOTS


def show(way: str, value: float) -> None:
    """Print the parity with its standard error."""
    print(f"{way:27} {value:.3f} ± {math.sqrt((1 - value**2) / SHOTS):.3f}")


# %% [markdown]
# ## With `backend.run`

# %%
pass_manager = generate_preset_pass_manager(optimization_level=1, backend=backend)
show("backend.run", parity(backend.run(pass_manager.run(measured), shots=SHOTS).result().get_counts()))

# %% [markdown]
# ## With primitives
#
# `mode` is an OQTOPUS device or any other Qiskit backend, so the same code runs on Aer or another provider's device.

# %%
for mode in (backend, AerSimulator()):
    isa = generate_preset_pass_manager(optimization_level=1, backend=mode).run(measured)
    sampled = OqtopusSampler(mode).run([isa], shots=SHOTS).result()[0]
    show(f"sampler on {mode.name}", parity(sampled.data.meas.get_counts()))

    isa = generate_preset_pass_manager(optimization_level=1, backend=mode).run(state)
    observable = SparsePauliOp("ZZ").apply_layout(isa.layout)
    estimated = OqtopusEstimator(mode).run([(isa, observable)], shots=SHOTS).result()[0]
    show(f"estimator on {mode.name}", float(estimated.data.evs))

# %% [markdown]
# ## With the SDK

# %%
with OqtopusClient(emulator.config) as client:
    job = OqtopusJobSpec.sampling(device_id="qulacs", program=qasm3.dumps(measured), shots=SHOTS)
    result = client.run_sampling(job, interval=0.1).raise_for_status()
    show("SDK, sampling", parity(result.get_counts()))

    terms = [{"pauli": "Z 0 Z 1", "coeff": 1.0}]
    job = OqtopusJobSpec.estimation(device_id="qulacs", program=qasm3.dumps(state), operator=terms, shots=SHOTS)
    show("SDK, estimation", client.run_estimation(job, interval=0.1).raise_for_status().exp_value)

# %% [markdown]
# ## Across both
#
# Jobs live on the server, so each way can read the other's jobs.

# %%
jobs = list(provider.client.iter_jobs(fields="job_id,job_type"))
print(f"{len(jobs)} jobs on the server, {sum(job.job_type == 'estimation' for job in jobs)} of them estimation")
counts = provider.job(result.job_id).result().get_counts()
print("The SDK's job, read as a Qiskit job:", f"{parity(counts):.3f}")
provider.close()
emulator.close()
