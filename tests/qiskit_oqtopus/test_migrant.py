"""A script as users of other providers write it: each line works as there, or its error names the equivalent here.

`#!` introduces what the error of a line says. Lines without it run, and the assertions among them hold.
"""

from __future__ import annotations

import warnings

import pytest

from qiskit_oqtopus import OqtopusProvider

SCRIPT = """
from datetime import datetime, timedelta
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_oqtopus import Batch, EstimatorV2, OqtopusProvider, SamplerV2, Session
from qiskit_oqtopus import QiskitRuntimeService  #! use OqtopusProvider
from qiskit_oqtopus import Sampler  #! use SamplerV2
from qiskit_oqtopus import Estimator, Options  #! use EstimatorV2
from qiskit_oqtopus import RuntimeEncoder, RuntimeDecoder  #! use job.save(path)
from qiskit_oqtopus import fake_provider  #! use OqtopusProvider.emulator()
OqtopusProvider(channel="ibm_quantum_platform", token="t")  #! 'channel': use url=..., the server's URL
from qiskit_oqtopus import AzureQuantumProvider, IQMProvider, AliceBobRemoteProvider  #! use OqtopusProvider
from qiskit_oqtopus import FakeManilaV2  #! use OqtopusProvider.emulator()
from qiskit_oqtopus import BraketLocalBackend  #! use OqtopusProvider.emulator()
from qiskit_oqtopus import SamplerV1  #! use SamplerV2
from qiskit_oqtopus import RuntimeJobTimeoutError  #! use the classes of oqtopus_client.errors
from qiskit_oqtopus import OqtopusConfig  #! import it from oqtopus_client
from qiskit_oqtopus import execute  #! use backend.run(qiskit.transpile(circuit, backend))
from qiskit_oqtopus import job_monitor  #! use job.result(progress=True)
from qiskit_oqtopus import least_busy  #! use provider.least_busy()
OqtopusProvider(hub="ibm-q", group="open", project="main")  #! OQTOPUS has no instances; leave it out
OqtopusProvider(resource_id="", location="westus")  #! OQTOPUS has no instances; leave it out
OqtopusProvider(api_key="k")  #! use token
OqtopusProvider("https://cocos.example/garnet", token="t")  #! Pass url and token
OqtopusProvider(url="https://cocos.example", quantum_computer="garnet")  #! use provider.backend(name)
OqtopusProvider(load_dotenv=False)  #! set OQTOPUS_URL and OQTOPUS_API_TOKEN in the environment
OqtopusProvider.save_account("t0ken", "https://x.example")  #! save_account() takes the URL first
OqtopusProvider.get_provider(hub="ibm-q")  #! use OqtopusProvider()
OqtopusProvider.stored_account()  #! profiles are sections of a file
OqtopusProvider.disable_account()  #! use provider.close()
service.least_busy(service.backends(simulator=False))  #! select some by filters=lambda backend: ....
service.least_busy(filters=lambda b: b.configuration().n_qubits > 99 and b.status().operational).name == "lattice144"
service.backends(input_allowed="runtime")  #! servers publish no such list; leave it out
service.backends(workspace="default")  #! OQTOPUS has no instances; leave it out
service.backend(backend_name="lattice64")  #! use name
service.get_devices()  #! use provider.backends()
service.jobs(backend="lattice64")  #! use backend_name
service.jobs(job_tags_operator="AND")  #! jobs have all the tags; leave it out
service.programs()  #! use provider.run_program
OqtopusProvider(instance="crn:v1")  #! OQTOPUS has no instances; leave it out
OqtopusProvider(token="t")  #! Pass url and token
OqtopusProvider(name="work")  #! OqtopusConfig.from_file(name)
OqtopusProvider.save_account(token="t", overwrite=True)  #! missing 1 required positional argument: 'url'
OqtopusProvider.save_account("https://x.example", "t", set_as_default=True)  #! the profile named 'default' is
OqtopusProvider.save_account("https://x.example", "t", channel="c")  #! use url=..., the server's URL
OqtopusProvider.saved_accounts()  #! profiles are sections of a file
OqtopusProvider.delete_account(name="work")  #! profiles are sections of a file
service.active_account()  #! use provider.client.config
service.active_instance()  #! OQTOPUS has no instances; use provider.client.config
service.instances()  #! OQTOPUS has no instances; use provider.backends()
service.usage()  #! OQTOPUS has no accounting; use job.execution_time
service.run("sampler", {})  #! use backend.run(circuits), OqtopusSampler
assert len(service.backends()) == 4
assert [b.name for b in service.backends(min_num_qubits=100, simulator=False, operational=True)] == ["lattice144"]
assert service.backends(filters=lambda b: b.num_qubits == 64 and b.status().operational)
service.backends(dynamic_circuits=True)  #! see qiskit_oqtopus.defer_measurements
service.backends(instance="a")  #! OQTOPUS has no instances
service.least_busy(n_qubits=5)  #! use min_num_qubits
service.least_busy(operational=True, simulator=False, min_num_qubits=127).name
service.backend("lattice64", use_fractional_gates=True)  #! native gates are rz, sx, x and cx; leave it out
service.backend("ibm_torino")  #! Unknown device 'ibm_torino'. Known: 'lattice144', 'lattice64'
backend = service.backend("lattice64")
assert backend.status().status_msg == "active" and backend.status().pending_jobs == 0
assert backend.configuration().n_qubits == 64 and "cx" in backend.configuration().basis_gates
assert abs(backend.properties().t1(0) / backend.qubit_properties(0).t1 - 1) < 1e-12  # seconds
assert 0 < backend.properties().gate_error("cx", backend.coupling_map.get_edges()[0]) < 1
assert backend.target.dt == backend.dt
backend.basis_gates  #! use backend.operation_names
backend.n_qubits  #! use backend.num_qubits
backend.simulator  #! use backend.device.device_type
backend.service  #! use backend.provider
backend.jobs()  #! use provider.jobs(backend_name=backend.name)
backend.defaults()  #! OQTOPUS has no pulses; use backend.target
backend.queue_depth()  #! use backend.pending_jobs, or job.queue_position()
assert backend.name() == backend.name == "lattice64"
assert backend.status().to_dict()["operational"]
backend.properties(datetime=datetime.now())  #! provider.client.list_device_histories(device_id=backend.name)
backend.meas_map  #! OQTOPUS has no pulses; use backend.target
backend.control_channel([0, 1])  #! OQTOPUS has no pulses; use backend.target
backend.qubit_name_to_index("QB1")  #! qubits are numbers; use range(backend.num_qubits)
backend.cancel_job("1")  #! use provider.client.cancel_job(job_id)
backend.estimate_cost(None, shots=100)  #! OQTOPUS has no prices
assert backend.provider() is backend.provider is service
backend.client  #! use backend.provider.client
backend.with_name("aria-1")  #! use provider.backend(name)
backend.set_options(dynamic=True)  #! see the option defer_measurements
backend.set_options(method="statevector")  #! it is an option of qiskit_aer.AerSimulator
backend.target_history()  #! provider.client.list_device_histories(device_id=backend.name)
bell = QuantumCircuit(2); bell.h(0); bell.cx(0, 1)
observable = SparsePauliOp(["ZZ", "XX"], [1, 0.5])
pm = generate_preset_pass_manager(backend=backend, optimization_level=3, seed_transpiler=1)
isa_state = pm.run(bell)
bell.measure_all()
isa = pm.run(bell)
theta = QuantumCircuit(1); theta.rx(Parameter("t"), 0); theta.measure_all()
sampler = SamplerV2(backend)
sampler = SamplerV2(mode=backend)
sampler = SamplerV2(mode=backend, options={"default_shots": 256})
SamplerV2(backend=backend)  #! no option 'backend': use mode
SamplerV2(session="s")  #! no option 'session': use mode
assert sampler.backend() is backend
sampler.session  #! use sampler.backend
sampler.set_options(shots=100)  #! use sampler.options.update(default_shots=100)
sampler.options.transpilation.skip_transpilation = True  #! circuits of native instructions run as they are
sampler.run([isa], seed=1)  #! use the option seed
sampler.run([isa], precision=0.1)  #! use shots
SamplerV2(backend, run_options={"shots": 10})  #! use run(pubs, shots=...)
SamplerV2(backend, skip_transpilation=True)  #! circuits of native instructions run as they are
sampler.options.default_shots = 512
sampler.options.dynamical_decoupling.enable = True
sampler.options.dynamical_decoupling.sequence_type = "XpXm"
sampler.options.twirling.enable_measure = True
sampler.options.twirling.num_randomizations = 4
sampler.options.twirling.strategy = "active-accum"  #! use 'active'
sampler.options.twirling.group = "balanced_pauli"  #! gates are twirled by all pairs of Paulis
sampler.options.environment.job_tags = ["bell", "week 48"]
sampler.options.environment.log_level = "DEBUG"  #! use logging.getLogger('qiskit_oqtopus').setLevel
sampler.options.environment.private = True  #! use provider.client.delete_job(job_id)
sampler.options.max_execution_time = 300  #! use job.result(timeout=...), then job.cancel()
sampler.options.execution.init_qubits = True  #! qubits start in |0>
sampler.options.execution.rep_delay = 1e-4  #! servers choose the delay between shots
sampler.options.simulator.seed_simulator = 42  #! use seed
sampler.options.simulator = {"seed_simulator": 42}  #! use seed
sampler.options.experimental = {"a": 1}  #! OQTOPUS has no experimental options
sampler.options.resilience_level = 1  #! samplers return outcomes, not values to mitigate
sampler.options.update(default_shots=300)
sampler.options.defualt_shots = 300  #! Did you mean 'default_shots'
job = sampler.run([isa], shots=100)
sampler.run(circuits=[isa], parameter_values=[[]])  #! give each PUB as (circuit, values)
sampler.run([isa], memory=True)  #! results of samplers have every shot
sampler.run([isa], dry_run=True)  #! use plan(pubs), which returns what run would submit
assert job.job_id().startswith("sampler-")
assert isinstance(job.status(), JobStatus)
job.wait_for_final_state(timeout=60)
job.wait_for_final_state(poll_interval=1)  #! use wait
job.result(poll_interval=1)  #! use wait_for_final_state(wait=...)
job.result(decoder=None)  #! results are those of Qiskit
assert sum(job.result()[0].data.meas.get_counts().values()) == 100
assert set(job.result()[0].data.meas.get_counts()) <= {"00", "01", "10", "11"}
assert job.done() and job.in_final_state() and not (job.running() or job.cancelled() or job.errored())
assert job.status() is JobStatus.DONE and job.status().name == "DONE"
assert job.metrics()["usage"]["quantum_seconds"] == job.usage() > 0
assert set(job.metrics()["timestamps"]) == {"created", "running", "finished"}
assert job.creation_date <= datetime.now().astimezone()
assert job.tags == ["bell", "week 48"]
assert job.error_message() is None
assert job.backend().name == "lattice64"
assert job.cancel() is False
assert job.queue_position() is None
job.update_tags(["b"])  #! use the option job_tags of the run
job.queue_position(refresh=True)  #! each call asks the server; leave it out
job.id  #! use job.job_id()
job.wait_for_completion()  #! use job.wait_for_final_state()
job.program_id  #! job.job_id() begins with it
job.header()  #! use job.result()[0].metadata
job.result(sharpen=True)  #! there is no debiasing; use backend.run(circuits, mitigation='pseudo_inverse')
job.logs()  #! use job.jobs(), the OQTOPUS jobs with their messages
job.inputs  #! use job.programs()
job.session_id  #! OQTOPUS has no sessions; use job.job_id()
job.usage_estimation  #! use job.execution_time
job.primitive_id  #! job.job_id() begins with it
job.properties()  #! use job.backend().properties()
job.instance  #! OQTOPUS has no instances; use job.backend()
job.get_counts()  #! use job.result()[0].data.NAME.get_counts(), where NAME is a classical register, such as meas
sweep = SamplerV2(mode=backend).run([(pm.run(theta), [[0], [1], [2]]), (pm.run(bell), None, 50)])
assert sweep.result()[0].data.meas.shape == (3,) and sweep.result()[1].data.meas.num_shots == 50
estimator = EstimatorV2(mode=backend, options={"resilience_level": 1, "default_precision": 0.1})
estimator.options.resilience.zne_mitigation = False
estimator.options.resilience.pec_mitigation = True  #! probabilistic error cancellation (PEC) is not supported
estimator.options.seed_estimator = 42  #! use seed
estimator.options.default_shots = 100  #! use default_precision, or run(pubs, shots=...)
estimator.options.optimization_level = 3  #! use qiskit.transpile(circuit, backend, optimization_level=...)
estimated = estimator.run([(isa_state, observable.apply_layout(isa_state.layout))], precision=0.05).result()
assert abs(estimated[0].data.evs - 1.5) < 0.5 and estimated[0].data.stds > 0
estimator.run([(isa_state, observable, [])], parameter_values=[])  #! give each PUB as (circuit, values)
estimator.run(circuits=[isa_state], observables=[observable])  #! give each PUB as (circuit, values), or (circuit, obs
with Batch(backend=backend) as batch: batched = SamplerV2(mode=batch).run([isa], shots=10)
with Session(backend=backend) as session: EstimatorV2(mode=session)
Session(backend=backend, max_time="1h")  #! OQTOPUS has no sessions that could end; leave it out
Session(service, "lattice64")  #! Session() takes a backend, which knows its provider
Session(service=service, backend=backend)  #! leave it out: the backend knows its provider
session.details()  #! OQTOPUS has no sessions
session.status()  #! use job.status()
Session.from_id("1")  #! OQTOPUS has no sessions
assert batched.result()[0].data.meas.num_shots == 10
assert service.job(job.job_id()).result()[0].data.meas.get_counts() == job.result()[0].data.meas.get_counts()
jobs = service.jobs(limit=3, skip=0, backend_name="lattice64", pending=False, descending=True)
assert len(jobs) == 3 and jobs[0].job_id() == batched.job_id() and jobs[-1] in jobs and jobs[:2] == list(jobs)[:2]
assert service.jobs(5)[0].job_id() == batched.job_id()
assert [j.job_id() for j in service.jobs(tags=["week 48"])] == [job.job_id()]
assert service.jobs(after=datetime.now() - timedelta(hours=1), before=datetime.now() + timedelta(hours=1))
assert not service.jobs(pending=True)
service.jobs(job_tags=["bell"])  #! use tags
service.jobs(created_after=datetime(2026, 1, 1))  #! use after
service.jobs(created_before=datetime(2026, 1, 1))  #! use before
service.jobs(program_id="sampler")  #! use name='sampler-' or name='estimator-'
service.jobs(instance="crn")  #! OQTOPUS has no instances
service.jobs(session_id="1")  #! OQTOPUS has no sessions
service.job("nothing")  #! job not found
service.retrieve_job("1")  #! use provider.job(job_id)
service.delete_job(job.job_id())  #! use provider.client.delete_job(job_id)
counts = backend.run(transpile(bell, backend), shots=100, job_tags=["ionq"]).result().get_counts()
assert sum(counts.values()) == 100
backend.run(bell, resilience_level=1)  #! it is an option of qiskit_oqtopus.OqtopusEstimator
backend.run(bell, error_mitigation=None)  #! use mitigation='pseudo_inverse', or EstimatorV2
backend.run(bell, initial_layout=[0, 1])  #! use it in qiskit.transpile(circuit, backend, ...)
backend.run(bell, optimization_level=3)  #! or in transpiler_options
backend.run(isa, transpiler_options={"optimization_level": 3})  #! transpiler_options have no effect
backend.run(bell, coupling_map=None)  #! use it in qiskit.transpile(circuit, ...) first
backend.run(bell, verbatim=True)  #! use transpile='none', which sends circuits as they are
backend.run(bell, timeout_seconds=3)  #! use job.result(timeout=...)
backend.run(bell, with_progress_bar=False)  #! use job.result(progress=True)
backend.run(bell, count=100)  #! use shots
backend.run(bell, sampler_seed=3)  #! use seed_simulator
backend.run(bell, header={"a": 1})  #! the circuit's own metadata
backend.run(bell, dry_run=True)  #! use backend.programs(circuits)
backend.run(bell, use_measure_esp=True)  #! servers choose how qubits are measured
backend.run(bell, schedule_los=[])  #! OQTOPUS has no pulses
backend.run(bell, session_id="1")  #! OQTOPUS has no sessions
backend.run(circuits=bell, shots=100)  #! it is the first argument; use backend.run(circuits)
backend.run()  #! run_input must be a QuantumCircuit or several, not None
backend.run(bell, rep_delay=250)  #! rep_delay is ignored, as servers choose the delay between shots
backend.run(bell, meas_level="classified")  #! meas_level must be 2, as OQTOPUS returns counts only, not 'classified'
backend.run(bell, meas_level=1, meas_return="avg")  #! meas_level must be 2
backend.run(bell, init_qubits=False)  #! init_qubits must be True
backend.run(bell, noise_model="forte-1")  #! noise_model is ignored, as devices have real noise
backend.retrieve_job("1")  #! use provider.job(job_id)
backend.gateset  #! use qiskit.transpile(circuit, backend)
backend.calibration()  #! use backend.device.calibration
job.persist()  #! use job.save(path)
"""

LINES = [line for line in SCRIPT.splitlines() if line]


def test_each_line() -> None:
    """A script of more than 150 calls runs, but for the lines whose errors say what to write instead."""
    names: dict[str, object] = {}
    unlike = []
    with OqtopusProvider.emulator(":memory:") as names["service"], warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="OQTOPUS has no (session|batch)")
        warnings.filterwarnings("ignore", message="Error suppression and mitigation add")
        for line in LINES:
            code, _, expected = (part.strip() for part in line.partition("#!"))
            try:
                exec(code, names)  # noqa: S102 - the script above
            except Exception as error:  # noqa: BLE001 - graded below
                seen = f"{type(error).__name__}: {error}"
                if not expected or expected not in seen:
                    unlike.append(f"{line}\n    {seen}")
            else:
                unlike += [f"{line}\n    no error"] if expected else []

    assert len(LINES) > 150
    if unlike:
        pytest.fail("\n".join(unlike))
