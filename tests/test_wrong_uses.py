"""Wrong uses of the whole public surface: each raises an error that says what is wrong, where, and what to do.

A row has the user's code, the type of the error, and parts of its message: the value, its place, the remedy. No error
comes from the inside of another library, and none is of a type that users cannot expect.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import traceback
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import HGate
from qiskit.providers import QiskitBackendNotFoundError
from qiskit.quantum_info import Operator, SparsePauliOp

import qiskit_oqtopus
from oqtopus_client import (
    AsyncOqtopusClient,
    OqtopusClient,
    OqtopusConfig,
    OqtopusEstimationOperator,
    OqtopusJobSpec,
    bitstring_to_int,
)
from oqtopus_client import ProgramOptions as Options
from oqtopus_client import errors as sdk
from oqtopus_client.emulator import CoherentErrors, Emulator, ProgramLimits, SseLimits
from qiskit_oqtopus import (
    Batch,
    CircuitError,
    OqtopusEstimator,
    OqtopusJob,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusProvider,
    OqtopusSampler,
    Session,
    defer_measurements,
)
from tests.support.circuits import BELL, bell

if TYPE_CHECKING:
    from collections.abc import Iterator

Job = OqtopusJobSpec
Row = tuple[str, type[BaseException], *tuple[str, ...]]

CONFIGURATION: list[Row] = [
    ("Config()", sdk.OqtopusConfigError, "OqtopusConfig needs base_url", "URL of the OQTOPUS User API"),
    ("Config(5)", sdk.OqtopusConfigError, "base_url must be text", "int"),
    (
        "Client(Config('example.org')).list_devices()",
        sdk.OqtopusConfigError,
        "'https://api.example.org'",
        "'example.org'",
    ),
    ("Client(Config('ftp://a.org')).list_devices()", sdk.OqtopusConfigError, "http or https URL", "'ftp://a.org'"),
    ("Client(Config('http://a.org', 'x')).list_devices()", sdk.OqtopusConfigError, "unencrypted", "Use https", "allow"),
    ("Config(URL, token='x')", TypeError, "no argument 'token'", "Use api_token"),
    ("Config(URL, retries=3)", TypeError, "no argument 'retries'", "Did you mean"),
    ("Config(URL, 5)", sdk.OqtopusConfigError, "api_token must be text", "int"),
    ("Config(URL, b'abc')", sdk.OqtopusConfigError, "api_token must be text", "bytes"),
    ("Config(URL, 'to ken')", sdk.OqtopusConfigError, "OqtopusConfig(api_token=...)", "space"),
    ("Config(URL, timeout=0)", sdk.OqtopusConfigError, "timeout must be a positive number of seconds", "not 0"),
    ("Config(URL, timeout='30')", sdk.OqtopusConfigError, "timeout", "'30'"),
    ("Config(URL, timeout=True)", sdk.OqtopusConfigError, "timeout", "True"),
    ("Config(URL, proxy='p:3128')", sdk.OqtopusConfigError, "proxy must be", "'http://proxy.example.org:3128'"),
    ("Config(URL, proxy=5)", sdk.OqtopusConfigError, "proxy must be text"),
    ("Config(URL, retry_max_attempts=0)", sdk.OqtopusConfigError, "retry_max_attempts must be at least 1", "not 0"),
    ("Config(URL, retry_status_codes='503')", sdk.OqtopusConfigError, "a set of HTTP statuses", "{503}", "'503'"),
    ("Config(URL, retry_methods='GET')", sdk.OqtopusConfigError, "a set of HTTP methods", "{'GET'}"),
    ("Config(URL, retry_methods={'get'})", sdk.OqtopusConfigError, "in capitals", "{'get'}"),
    ("Config(URL, allow_http='no')", sdk.OqtopusConfigError, "allow_http must be True or False", "'no'"),
    ("Config(URL, transport=5)", sdk.OqtopusConfigError, "ASGI application", "not 5"),
    ("Config('https://a.org?x=1').check_server()", sdk.OqtopusConfigError, "end with its path", "'https://a.org?x=1'"),
    ("Config('  https://a.org').check_server()", sdk.OqtopusConfigError, "http or https URL", "not '  https://a.org'"),
    ("Config('https://a.org\\\\x').check_server()", sdk.OqtopusConfigError, "http or https URL", "(from OqtopusConfig"),
    ("Config('https://a..org').check_server()", sdk.OqtopusConfigError, "http or https URL", "not 'https://a..org'"),
    *[
        (
            f"Config(URL, 'x').save({name!r})",
            sdk.OqtopusConfigError,
            "is not a valid name of a profile; choose another one",
        )
        for name in ("", "a\nb", "DEFAULT", None)
    ],
    ("Config.from_file('mine')", sdk.OqtopusConfigError, "config.ini does not exist"),
    ("Config.from_file(path=5)", sdk.OqtopusConfigError, "path of a profile file", "not 5"),
    ("Config.from_env()", sdk.OqtopusConfigError, "environment variable OQTOPUS_URL"),
    (
        "env(OQTOPUS_URL=URL, OQTOPUS_TIMEOUT='x') or Config.from_env()",
        sdk.OqtopusConfigError,
        "OQTOPUS_TIMEOUT",
        "'x'",
    ),
    ("env(OQTOPUS_URL=URL, OQTOPUS_API_TOKEN='a b') or Client()", sdk.OqtopusConfigError, "OQTOPUS_API_TOKEN", "space"),
    (
        "env(OQTOPUS_URL=URL, HTTPS_PROXY='socks5://p:1') or Client().list_devices()",
        sdk.OqtopusConfigError,
        "HTTPS_PROXY",
    ),
]
CLIENT: list[Row] = [
    ("Client('https://a.org')", TypeError, "config must be OqtopusConfig(url, api_token=...)", "str"),
    ("Client(emulator)", TypeError, "config must be OqtopusConfig", "Emulator"),
    ("Client()", sdk.OqtopusConfigError, "No OQTOPUS server is configured", "OQTOPUS_URL", "oqtopus-client login"),
    ("Client(config, default_headers='x').list_devices()", sdk.OqtopusConfigError, "default_headers must be a mapping"),
    (
        "Client(config, default_headers={'a': 5}).list_devices()",
        sdk.OqtopusConfigError,
        "header 'a' must be text",
        "int",
    ),
    ("Client(config, user_agent=5).list_devices()", sdk.OqtopusConfigError, "'User-Agent' must be text"),
    ("Client(config, journal=5)", TypeError, "journal must be the path of a file", "not 5"),
    ("Client(emulator.config_for('wrong')).list_devices()", sdk.AuthenticationError, "Emulator.config", "may be wrong"),
    ("Client(Config('http://127.0.0.1:9', retry_max_attempts=1)).get_settings()", sdk.OqtopusConnectionError, "doctor"),
    ("closed.list_devices()", sdk.OqtopusConnectionError, "the emulator has been closed", "create another one"),
    ("client.resume()", ValueError, "No journal to resume from", "journal="),
    ("client.resume(5)", TypeError, "journal must be the path", "not 5"),
    ("Client(config, user_agent='日本').list_devices()", sdk.OqtopusConfigError, "'User-Agent'", "ASCII characters"),
    ("client.submit_job(BELL)", TypeError, "must be an OqtopusJobSpec, not str"),
    ("client.submit_job([spec])", TypeError, "must be an OqtopusJobSpec, not list"),
    ("client.submit_jobs(spec)", TypeError, "jobs must be a list of OqtopusJobSpec", "not OqtopusJobSpec"),
    ("client.submit_jobs(spec for _ in range(2))", TypeError, "jobs must be a list", "generator"),
    ("client.submit_jobs([spec, None])", TypeError, "must be an OqtopusJobSpec, not NoneType"),
    ("client.submit_jobs([spec], max_workers=0)", ValueError, "max_workers must be at least 1, not 0"),
    ("client.submit_job(job(device_id='qulacss'))", sdk.JobSubmissionError, "'qulacss'", "not found", "list_devices()"),
    ("client.run_estimation(spec)", ValueError, "run_estimation", "'estimation'", "'sampling'"),
    ("client.run_job(spec, timeout=-1)", ValueError, "timeout must be at least 0 seconds or None, not -1"),
    ("client.wait_for_job(done_id, tiemout=1)", TypeError, "'tiemout'", "Did you mean 'timeout'?"),
    ("client.wait_for_job(done_id, interval='a')", TypeError, "interval must be at least 0 seconds, not 'a'"),
    ("client.wait_for_job(done)", TypeError, "An id must be text", "OqtopusSamplingJobResult(job_id="),
    ("client.wait_for_job([done_id])", TypeError, "An id must be text, not ['"),
    ("client.wait_for_jobs([done])", TypeError, "job_ids must be a list of ids, not [OqtopusSamplingJobResult"),
    ("client.wait_for_jobs(done_id)", TypeError, "job_ids must be a list of ids", "done_id"),
    ("client.wait_for_jobs(5)", TypeError, "job_ids must be a list of ids, not 5"),
    ("client.wait_for_job(done_id, terminal_statuses='succeeded')", TypeError, "terminal_statuses must be a set", "{'"),
    (
        "client.wait_for_job(done_id, failure_statuses={'done'})",
        ValueError,
        "failure_statuses",
        "'failed'",
        "not of 'done'",
    ),
    ("client.wait_for_job(done_id, on_status=5)", TypeError, "on_status must be a function of the status", "not 5"),
    ("client.wait_for_jobs([done_id], progress='no')", TypeError, "progress must be True or False, not 'no'"),
    ("client.run_job(spec, failure_statuses={'done'})", ValueError, "failure_statuses", "not of 'done'"),
    ("client.run_jobs_batch([spec], progress=1)", TypeError, "progress must be True or False, not 1"),
    ("client.is_finished(done_id, terminal_statuses={'done'})", ValueError, "terminal_statuses", "not of 'done'"),
    ("client.get_job_statuses(done_id)", TypeError, "job_ids must be a list of ids", "done_id"),
    ("client.queue_position(5)", TypeError, "job_ids must be a list of ids, not 5"),
    ("client.discard_jobs(done_id)", TypeError, "job_ids must be a list of ids", "done_id"),
    ("list(client.as_completed(done_id))", TypeError, "job_ids must be a list of ids", "done_id"),
    ("client.cancel_jobs(done_id)", TypeError, "job_ids must be a list of ids", "done_id"),
    ("client.cancel_job(done_id)", sdk.UserApiError, "not in valid status for cancellation", "done_id"),
    ("idle.client.delete_job(waiting_id)", sdk.UserApiError, "not in valid status for deletion", "'succeeded'"),
    ("idle.client.wait_for_job(waiting_id, timeout=0.1)", sdk.JobTimeoutError, "within 0.1 s", "wait_for_job() again"),
    ("client.get_job('nope')", sdk.NotFoundError, "job not found", "/jobs/nope"),
    ("client.get_job('\\ud800')", ValueError, "is not a valid id"),
    ("client.read_job_file(done_id, 'inputs')", ValueError, "files must be a list of 'input'", "not 'inputs'"),
    ("client.read_job_files([done_id], [])", TypeError, "Each of jobs must be OqtopusJobResult(...)", "done_id"),
    ("client.run_sse_file(file_path=5, device_id='qulacs')", TypeError, "file_path must be the path of a file, not 5"),
    ("client.update_user(name=5)", TypeError, "name must be text, not 5"),
    ("client.list_jobs(fields=['job_id'])", TypeError, "fields must be text, not ['job_id']"),
    ("client.list_jobs(q=5)", TypeError, "q must be text, not 5"),
    ("client.list_device_histories(start_time=5)", TypeError, "start_time must be a datetime, not 5"),
    ("client.get_job('')", ValueError, "'' is not a valid id"),
    ("client.get_job(5)", TypeError, "An id must be text, not 5"),
    ("client.get_device('qulacss')", sdk.NotFoundError, "qulacss"),
    ("client.list_jobs(status='done')", sdk.UserApiError, "query.status", "'succeeded'"),
    ("client.list_jobs(order='up')", ValueError, "order must be one of 'ASC', 'DESC', not 'up'"),
    ("client.list_jobs(size=-1)", ValueError, "size must be an integer of at least 1, not -1"),
    ("asynchronous.list_devices().device_id", AttributeError, "'coroutine' object"),
]
SPECS: list[Row] = [
    ("job(program=bell)", TypeError, "OpenQASM 3 text, such as qiskit.qasm3.dumps(circuit)", "not QuantumCircuit"),
    ("job(program=b'x')", TypeError, "program must be OpenQASM 3 text", "bytes"),
    ("job(program='')", ValueError, "program is empty"),
    ("job(program=[BELL, BELL])", ValueError, "exactly one program, not 2", "submit one job for each"),
    ("job(shots=True)", TypeError, "shots must be an integer from 1 to 10,000,000, not True"),
    ("job(shots='5')", TypeError, "shots", "'5'"),
    ("job(shots=0)", ValueError, "shots", "not 0"),
    ("job(device_id=None)", ValueError, "device_id is empty", "'qulacs'"),
    ("job(device_id=q)", TypeError, "device_id must be text", "<OqtopusBackend 'qulacs'"),
    ("job(name='x' * 300)", ValueError, "name has 300 characters", "at most 256"),
    ("job(transpiler_info='none')", TypeError, "transpiler_info must be a mapping of names to values, not 'none'"),
    ("job(simulator_info=0)", TypeError, "simulator_info must be a mapping of names to values, not 0"),
    ("job(device_id=np.eye(2))", TypeError, "device_id must be text, not array("),
    ("job(mitigation_info={'a': {1}})", TypeError, "mitigation_info must be JSON-serialisable", "set"),
    ("job(operator=[{'pauli': 'Z 0'}])", ValueError, "operator is for estimation jobs only", "'sampling'"),
    ("Job('qulacs', 'samplin', BELL)", ValueError, "job_type must be one of", "'sampling'", "not 'samplin'"),
    ("Job.multi_manual(device_id='qulacs', program=[])", ValueError, "multi_manual", "one program or more, not 0"),
    ("Job.sse(device_id='qulacs', program=run)", TypeError, "text of a Python program", "run_program()", "function"),
    ("energy()", ValueError, "needs operator", "OqtopusEstimationOperator('Z 0 Z 1', 0.5)", "not None"),
    ("energy(operator='Z 0')", ValueError, "a list of terms", "not 'Z 0'"),
    ("energy(operator=SparsePauliOp('ZZ'))", ValueError, "a list of terms", "SparsePauliOp(['ZZ']"),
    ("energy(operator=[('Z 0', 1.0)])", TypeError, "A term of operator must be", "('Z 0', 1.0)"),
    ("energy(operator=[{'pauli': 'ZZ', 'coeff': 1.0}])", ValueError, "each with its qubit", "'X 0 Y 1'", "not 'ZZ'"),
    ("Term('Z 0 Z 0', 1.0)", ValueError, "names a qubit twice", "Multiply the operators first"),
    ("Term('Z 0', 1j)", TypeError, "coeff must be a real number, not 1j"),
    ("Term('Z 0', float('nan'))", ValueError, "coeff must be finite, not nan"),
]
RESULTS: list[Row] = [
    ("failed.get_counts()", sdk.JobFailedError, "'failed'", "the device is on fire"),
    ("cancelled.get_counts()", sdk.JobFailedError, "'cancelled'", "its owner or the server's operator cancelled it"),
    ("waiting.get_counts()", sdk.JobFailedError, "'submitted'", "no result yet", "wait_for_job()"),
    ("waiting.raise_for_status()", sdk.JobFailedError, "'submitted'", "no result yet"),
    ("estimated.get_counts()", AttributeError, "an estimation job has an expectation value, exp_value"),
    ("bitstring_to_int(5)", TypeError, "A bitstring must be text, such as '0101', not 5"),
    ("run.save(5)", TypeError, "path must be the path of a file, not 5"),
    ("done.exp_value", AttributeError, "a sampling job has counts, get_counts()"),
    ("done.counts", AttributeError, "use get_counts()"),
    ("broken.result()", OqtopusJobError, "1 of 1 circuits ended without a result", "the device is on fire"),
    ("run.get_counts()", AttributeError, "use job.result().get_counts()"),
    ("sampled.get_counts()", AttributeError, "job.result()[0].data.NAME.get_counts()"),
    ("run.replica_counts(0)", OqtopusJobError, "no copies", "backend.run(..., parallel=True)"),
    ("run.resubmit()", OqtopusJobError, "has not failed", "nothing to submit again"),
    ("late.result(timeout=0.1)", OqtopusJobTimeoutError, "within 0.1 s", "call result() again"),
    ("run.result(partial='no')", TypeError, "partial must be True or False, not 'no'"),
    ("late.wait_for_final_state(5, wait='x')", TypeError, "wait must be at least 0 seconds or None, not 'x'"),
    ("late.wait_for_final_state(5, wait=-1)", ValueError, "wait must be at least 0 seconds or None, not -1"),
    ("late.wait_for_final_state('5', wait=1)", TypeError, "timeout must be at least 0 seconds or None, not '5'"),
    ("late.wait_for_final_state(float('nan'), wait=1)", ValueError, "timeout must be at least 0 seconds", "nan"),
    ("late.wait_for_final_state(callback=7)", TypeError, "callback must be a function", "not 7"),
    ("provider.jobs()['x']", TypeError, "integer or a slice, not 'x'", "provider.job(job_id)"),
    ("provider.jobs(descending='no')", TypeError, "descending must be True or False, not 'no'"),
    ("late.result(timeout='5')", TypeError, "timeout must be at least 0 seconds or None, not '5'"),
    ("provider.job(estimated.job_id).result()", OqtopusJobError, "an estimation job without counts", "exp_value"),
    ("provider.job(5)", TypeError, "An id must be text, not 5"),
    ("provider.job('nope')", sdk.NotFoundError, "job not found", "/jobs/nope"),
    ("OqtopusJob.load(5)", ValueError, "not a valid saved job", "int"),
]
PROVIDER: list[Row] = [
    ("Provider('https://a.org')", TypeError, "config must be OqtopusConfig(url, api_token=...)"),
    ("Provider(token='x')", TypeError, "Pass url and token, or a config that has both"),
    ("Provider(url=URL, token='a b')", sdk.OqtopusConfigError, "OqtopusProvider(url=..., token=...)", "space"),
    ("Provider(url=URL, token=5)", sdk.OqtopusConfigError, "api_token must be text", "int"),
    ("Provider(channel='ibm_quantum', token='x')", TypeError, "no argument 'channel'", "use url=..."),
    ("Provider(config, measure_duration='a')", TypeError, "measure_duration", "1e-6", "not 'a'"),
    ("Provider.save_account('x', 'y')", sdk.OqtopusConfigError, "http or https URL", "not 'x'"),
    ("Provider.emulator(5)", TypeError, "data must be the path of a folder, ':memory:' or None, not 5"),
    ("Provider.emulator(':memory:', seeds=7)", TypeError, "Unknown option 'seeds'", "Did you mean 'seed'?"),
    ("provider.get_backend('lattice65')", QiskitBackendNotFoundError, "'lattice65'", "Did you mean 'lattice64'"),
    ("provider.get_backend('Qulacs')", QiskitBackendNotFoundError, "'Qulacs'", "Did you mean 'qulacs'?"),
    ("provider.get_backend()", QiskitBackendNotFoundError, "Name one of this server's devices: qulacs"),
    ("provider.get_backend(5)", QiskitBackendNotFoundError, "Unknown device 5", "'qulacs'"),
    ("provider.get_backend('qulacs', min_num_qubits=20)", QiskitBackendNotFoundError, "has 16 qubits", "=20"),
    ("provider.backends(min_qubits=5)", TypeError, "'min_qubits'", "Did you mean 'min_num_qubits'?"),
    ("provider.backends(min_num_qubits='5')", TypeError, "min_num_qubits must be an integer or None, not '5'"),
    ("provider.backends(min_num_qubits=True)", TypeError, "min_num_qubits must be an integer or None, not True"),
    ("provider.backends(simulator='yes')", TypeError, "simulator must be a boolean or None, not 'yes'"),
    ("provider.backends(lambda backend: True)", TypeError, "name must be the name of a device", "as filters"),
    ("provider.least_busy('qulacs')", TypeError, "min_num_qubits", "'qulacs'"),
    ("provider.least_busy(min_num_qubits=999)", QiskitBackendNotFoundError, "No device qualifies", "has 144 qubits"),
    ("chip.qubit_properties(64)", IndexError, "'lattice64' has 64 qubits", "no qubit 64"),
    ("chip.qubit_properties(-1)", IndexError, "'lattice64' has 64 qubits", "no qubit -1"),
    ("chip.qubit_properties('a')", TypeError, "index", "'a'"),
    ("chip.properties().qubit_property('a')", TypeError, "index", "'a'"),
    ("chip.properties().gate_property(5)", TypeError, "gate must be the name of a gate, such as 'cx', not 5"),
    ("chip.noise_model(5)", TypeError, "qubits must be a list of indices", "not 5"),
    ("chip.noise_model(['a'])", TypeError, "index", "'a'"),
    ("chip.plot(values=5)", TypeError, "values must map qubits, or pairs of qubits, to numbers, not 5"),
    ("provider.get_backend([])", QiskitBackendNotFoundError, "Unknown device []", "qulacs"),
    ("q.run(isa, init_qubits=1)", ValueError, "init_qubits must be True", "not 1"),
    ("chip.defaults()", AttributeError, "OQTOPUS has no pulses", "use backend.target"),
    ("chip.plot(circuit=5)", TypeError, "circuit must be a QuantumCircuit, not 5"),
    ("chip.plot(circuit=bell)", ValueError, "has 2 qubits", "'lattice64' has 64", "transpile it for the backend first"),
    ("chip.plot(placements=5)", TypeError, "placements must be a list", "not 5"),
]
BACKEND_RUN: list[Row] = [
    ("q.run(bell, 100)", TypeError, "options by name", "backend.run(circuits, shots=1000)", "100"),
    *[
        (f"q.run(bell, shots={shots})", TypeError, "an integer from 1 to 10,000,000", text)
        for shots, text in [
            ("True", "True"),
            ("np.True_", "True"),
            ("1.5", "1.5"),
            ("np.float64(100)", "100.0"),
            ("'100'", "'100'"),
        ]
    ],
    *[
        (f"q.run(bell, shots={shots})", ValueError, "an integer from 1 to 10,000,000", f"not {shots}")
        for shots in [
            "0",
            "-1",
            "100000000",
        ]
    ],
    ("q.run(bell, shot=100)", TypeError, "no option 'shot'", "Did you mean 'shots'?"),
    ("q.run(bell, seed=7)", TypeError, "no option 'seed'", "use seed_simulator"),
    ("q.run(bell, optimization_level=3)", TypeError, "'optimization_level'", "qiskit.transpile(circuit, backend"),
    ("q.run(bell, initial_layout=[0, 1])", TypeError, "'initial_layout'", "qiskit.transpile"),
    ("q.run(bell, timeout=5)", TypeError, "'timeout'", "job.result(timeout=...)"),
    ("q.run(bell, resilience_level=1)", TypeError, "'resilience_level'", "OqtopusEstimator"),
    ("q.run(bell, init_qubits=False)", ValueError, "init_qubits must be True", "start in |0>, not False"),
    ("q.run([[bell]])", CircuitError, "run_input must contain QuantumCircuits only, not a list"),
    ("q.run([])", ValueError, "run_input is empty", "at least one circuit"),
    ("q.run(None)", CircuitError, "run_input must be a QuantumCircuit or several, not None"),
    ("q.run('bell')", CircuitError, "run_input must be a QuantumCircuit", "'bell'"),
    ("q.run(HGate())", CircuitError, "run_input must be a QuantumCircuit", "name='h'"),
    ("q.run([bell, None])", CircuitError, "QuantumCircuits only, not None"),
    ("q.run({'a': bell})", CircuitError, "QuantumCircuits only, not 'a'"),
    ("q.run(wide)", CircuitError, "'wide' has 20 qubits", "qulacs has only 16"),
    ("q.run(isa)", CircuitError, "64 qubits", "only 16", "transpiled for another device", "original circuit"),
    ("q.run(turn)", CircuitError, "'turn' has unbound parameters: angle", "assign_parameters()", "parameter_values"),
    ("q.run(turn, parameter_binds=[{angle: [1]}])", TypeError, "'parameter_binds'", "use parameter_values"),
    ("q.run(turn, parameter_values=[1, 2])", ValueError, "shape (bindings, 1), not (2,)", "angle"),
    ("q.run(turn, parameter_values={angle: 1})", ValueError, "array of real numbers", "a row for each binding"),
    ("q.run(turn, parameter_values=[[float('nan')]])", CircuitError, "the value nan for angle", "finite"),
    ("q.run(turn, parameter_values=[[1j]])", ValueError, "1j is not a real number"),
    ("q.run(turn, parameter_values=[['a']])", ValueError, "'a' is text"),
    ("q.run([turn, turn], parameter_values=[[1]])", ValueError, "one circuit only, not with 2"),
    ("q.run(middle)", CircuitError, "qubit 0 (x) after measuring it", "defer_measurements"),
    ("q.run(reset)", CircuitError, "resets a qubit after using it (qubit 0)", "defer_measurements"),
    ("q.run(branch)", CircuitError, "control flow (if_else)", "do not execute"),
    ("q.run(unmeasured)", CircuitError, "no measurements, so there is nothing to count", "measure_all()"),
    ("q.run(without_measuring)", CircuitError, "no measurements", "measure_all()"),
    ("q.run(bell, memory='yes')", ValueError, "memory", "'yes'"),
    ("q.run(bell, mitigation='pinv')", ValueError, "mitigation", "'pseudo_inverse'", "'pinv'"),
    ("q.run(bell, transpile=False)", ValueError, "transpile", "'auto', 'server' or 'none'", "False"),
    ("q.run(bell, transpiler_options='3')", ValueError, "transpiler_options", "'3'"),
    ("q.run(bell, seed_simulator=-1)", ValueError, "seed_simulator must be a non-negative integer", "-1"),
    ("q.run(bell, job_tags='tag')", TypeError, "job_tags must be a list of words", "'tag'"),
    ("q.run(bell, name='x' * 300)", ValueError, "name", "256 characters", "xxx..."),
    ("q.run(bell, parallel='yes')", TypeError, "parallel must be True, False or the maximum number", "'yes'"),
    ("q.run(bell, replicas=3)", ValueError, "replicas=3 needs parallel=True"),
    ("chip.run(bell, parallel=True, replicas=0)", ValueError, "replicas", "1 or more, or 'max'", "not 0"),
    ("chip.run(bell, parallel=True, replicas='all')", TypeError, "replicas", "'all'"),
    ("chip.run(bell, parallel=True, spacing=-1)", ValueError, "spacing", "0 to 3", "-1"),
    ("chip.run(isa, parallel=True, replicas=4)", CircuitError, "is on qubits of lattice64", "replicas=1"),
    (
        "chip.run(bell, parallel=True, mitigation='pseudo_inverse')",
        ValueError,
        "cannot be combined",
        "OqtopusEstimator",
    ),
    ("chip.run(bell, parallel=True, transpile='server')", ValueError, "cannot be combined", "Leave one of them out"),
    ("q.set_options(shots='5')", TypeError, "shots", "'5'"),
    ("q.set_options(shotz=5)", TypeError, "'shotz'", "Did you mean 'shots'?"),
    ("setattr(q, 'options', 5)", TypeError, "options must be a mapping of names to values, not 5"),
    ("defer_measurements(5)", TypeError, "circuit must be a QuantumCircuit, not 5"),
    ("defer_measurements(branch)", CircuitError, "control flow (if_else)", "cannot be deferred"),
]
PRIMITIVES: list[Row] = [
    ("Estimator('qulacs')", TypeError, "mode must be a backend", "provider.get_backend()", "'qulacs'"),
    ("Estimator(provider)", TypeError, "mode must be a backend", "<OqtopusProvider"),
    ("Sampler()", TypeError, "mode must be a backend", "provider.get_backend()", "None"),
    ("Sampler(backend=q)", TypeError, "'backend'", "use mode"),
    ("Estimator(session=Session)", TypeError, "'session'", "use mode"),
    ("sampler.run([(turn, {angle: 1, 'angle': 2})])", ValueError, "PUB 0", "'angle' has 2 values"),
    ("Estimator(q, shots=100)", TypeError, "no option 'shots'", "run(pubs, shots=...)"),
    ("Sampler(q, shots=100)", TypeError, "no option 'shots'", "run(pubs, shots=...)"),
    ("Estimator(q, default_shots=100)", TypeError, "'default_shots'", "use default_precision"),
    ("Estimator(q, resilience_level=3)", ValueError, "resilience_level must be 0, 1 or 2, not 3"),
    ("Estimator(q, {'resilience': {'zne_mitigation': 'yes'}})", ValueError, "resilience.zne_mitigation", "'yes'"),
    ("Estimator(q, {'dynamical_decoupling': True})", TypeError, "dynamical_decoupling must be a mapping", "True"),
    ("Estimator(q, {'twirling': {'enable_gate': True}})", TypeError, "'enable_gate'", "'enable_gates'"),
    ("Sampler(q, resilience_level=1)", TypeError, "'resilience_level'", "twirling"),
    ("Sampler(q, default_shots=0)", ValueError, "shots must be a positive integer, not 0"),
    ("setattr(sampler.options, 'default_shotz', 5)", TypeError, "'default_shotz'", "'default_shots'"),
    ("estimator.run(plain, 'ZZ')", TypeError, "estimator.run([(circuit, observables, values)])", "'ZZ'"),
    ("sampler.run([bell], 100)", TypeError, "sampler.run([circuit], shots=1000)", "100"),
    ("estimator.run(None)", TypeError, "run() takes a list of PUBs, not None", "A PUB is (circuit, observables"),
    ("estimator.run([plain])", ValueError, "PUB 0", "`estimator.run([(circuit, observables, param_values)])`"),
    ("estimator.run([(plain,)])", ValueError, "PUB 0", "length 1", "A PUB is (circuit, observables"),
    ("estimator.run([(plain, 'ZZZ')])", ValueError, "PUB 0", "(2)", "(3)"),
    ("Estimator(chip).run([(isa, 'ZZ')])", ValueError, "(64)", "(2)", "observable.apply_layout(circuit.layout)"),
    ("estimator.run([(plain, 'AB')])", ValueError, "PUB 0", "'IXYZ+-rl01'"),
    ("estimator.run([(plain, None)])", TypeError, "PUB 0", "observable", "SparsePauliOp"),
    ("estimator.run([(plain, np.eye(4))])", TypeError, "PUB 0", "observable", "SparsePauliOp"),
    ("estimator.run([(plain, Operator(plain))])", TypeError, "PUB 0", "Operator", "SparsePauliOp"),
    ("estimator.run([(plain, {'ZZ': 1j})])", ValueError, "PUB 0", "Non-Hermitian"),
    ("estimator.run([(plain, {'ZZ': 'a'})])", TypeError, "PUB 0", "real number, not str"),
    ("estimator.run([(plain, {'ZZ': float('nan')})])", ValueError, "PUB 0", "the coefficient nan for ZZ"),
    ("estimator.run([(plain, 'ZZ', 0.01)])", ValueError, "PUB 0", "(circuit, observables, values, precision)", "none"),
    ("estimator.run([(turn, 'Z')])", ValueError, "PUB 0", "(0)", "(1)", "angle"),
    ("estimator.run([(turn, 'Z', {'x': 1})])", ValueError, "no values for angle, only for x"),
    ("estimator.run([(turn, 'Z', [float('nan')])])", ValueError, "the value nan for 'angle'", "finite"),
    ("estimator.run([(turn, 'Z', [1j])])", TypeError, "1j is not a real number"),
    ("estimator.run([(turn, ['Z', 'X'], [[1], [2], [3]])])", ValueError, "(2,)", "(3,)", "not broadcastable"),
    ("estimator.run([(plain, 'ZZ')], precision=0)", ValueError, "precision 0", "positive number"),
    ("estimator.run([(plain, 'ZZ')], precision=True)", ValueError, "precision True", "positive number"),
    ("estimator.run([(plain, 'ZZ')], precision='a')", TypeError, "precision must be a real number"),
    ("estimator.run([(plain, 'ZZ')], precision=1e-9)", ValueError, "1e+18 shots", "the finest is"),
    ("estimator.run([(plain, 'ZZ')], precision=0.1, shots=5)", ValueError, "precision or shots, not both", "shots=5"),
    ("estimator.run([(middle, 'ZZ')])", CircuitError, "after measuring it", "defer_measurements"),
    ("sampler.run([bell], shots=True)", TypeError, "shots must be a positive integer, not True"),
    ("sampler.run([bell], shots=1.5)", TypeError, "shots must be a positive integer, not 1.5"),
    ("sampler.run([turn])", ValueError, "PUB 0", "parameters (1)", "angle"),
    ("sampler.run([(turn, [float('inf')])])", ValueError, "the value inf for 'angle'"),
    ("sampler.run([bell, 'x'])", TypeError, "PUB 1", "circuit must be QuantumCircuit"),
    ("sampler.run([branch])", CircuitError, "control flow (if_else)"),
    ("Session('qulacs')", TypeError, "backend must be a backend", "'qulacs'"),
    ("Batch(None)", TypeError, "backend must be a backend", "None"),
    ("Session(q, max_time='1h')", TypeError, "no argument 'max_time'", "no sessions"),
]
EMULATOR: list[Row] = [
    ("Emulator(5)", TypeError, "data must be the path of a folder", "not 5"),
    ("Emulator(':memroy:')", ValueError, "data must be the path of a folder or ':memory:', not ':memroy:'"),
    ("Emulator('lattice64')", ValueError, "data is the folder for jobs and results, not a device", "'lattice64'"),
    ("Emulator('/dev/null')", OSError, "/dev/null cannot be the emulator's data folder: it is not a folder."),
    ("Emulator('/dev/null/data')", OSError, "/dev/null/data cannot be the emulator's data folder: Not a directory."),
    ("Emulator('')", ValueError, "data must be the path of a folder or ':memory:', not ''"),
    ("Emulator(':memory:', allow_sse='no')", TypeError, "allow_sse must be True or False, not 'no'"),
    ("Emulator(':memory:', quirks='no')", TypeError, "quirks must be True or False, not 'no'"),
    ("Emulator(':memory:', limits=5)", TypeError, "limits must be ProgramLimits(...), not 5"),
    ("Emulator(':memory:', sse_limits=5)", TypeError, "sse_limits must be SseLimits(...), not 5"),
    ("emulator.announce(5, 'b', start_time=LATER, end_time=LATER)", TypeError, "title must be text, not 5"),
    ("emulator.announce('a', 'b', start_time=LATER, end_time=EARLIER)", ValueError, "end_time must not be before"),
    ("Emulator(':memory:', token=5)", TypeError, "token must be text", "int"),
    ("Emulator(':memory:', token='a b')", ValueError, "visible ASCII characters, without spaces"),
    ("Emulator(':memory:', seed=-1)", ValueError, "seed must be a non-negative integer, not -1"),
    ("Emulator(':memory:', seed=True)", TypeError, "seed", "True"),
    ("Emulator(':memory:', devices=['lattice64'])", TypeError, "devices must be", "EmulatedDevice", "'lattice64'"),
    ("Emulator(':memory:', devices=5)", TypeError, "devices must be", "not 5"),
    ("Emulator(':memory:', max_running='a')", TypeError, "max_running", "'a'"),
    ("Emulator(':memory:', max_running=0)", ValueError, "max_running", "not 0"),
    ("Emulator(':memory:', executor=5)", ValueError, "executor is 5", "'external'"),
    ("Emulator(':memory:', url_seconds='x')", TypeError, "url_seconds", "'x'"),
    ("Emulator(':memory:', schedule='asap')", ValueError, "schedule is 'asap'", "gateway, alap"),
    ("Emulator(':memory:', idle_noise='no')", TypeError, "idle_noise must be True or False, not 'no'"),
    (
        "Emulator(':memory:', coherent={'zz_khz': 5})",
        TypeError,
        "coherent must be CoherentErrors(...), not",
        "{'zz_khz': 5}",
    ),
    ("Emulator(':memory:', coherent=CoherentErrors(cx={(0, 63): 0.1}))", ValueError, "coherent.cx has (0, 63)"),
    ("CoherentErrors(zz_khz='5')", ValueError, "CoherentErrors: zz_khz must be a valid number, not '5'."),
    ("CoherentErrors(zz=5)", ValueError, "CoherentErrors: zz does not exist", "zz_khz"),
    ("CoherentErrors(cx={0: 0.1})", ValueError, "CoherentErrors: cx.0 must be", "tuple, not 0"),
    ("CoherentErrors(x=True)", ValueError, "x must be a valid number, not True."),
    ("ProgramLimits(seconds='x')", TypeError, "seconds of ProgramLimits", "'x'"),
    ("SseLimits(memory_bytes=-1)", ValueError, "memory_bytes of SseLimits", "-1"),
    ("emulator.inject('fail_jobs')", ValueError, "kind must be", "'fail_job'", "not 'fail_jobs'"),
    ("emulator.inject('fail_job', mesage='x')", ValueError, "mesage does not exist", "message"),
    ("emulator.inject('delay', seconds=-1)", ValueError, "seconds must be greater than or equal to 0, not -1."),
    ("emulator.set_status('qulacss', 'available')", KeyError, "'qulacss'", "qulacs, lattice64"),
    ("emulator.set_status('qulacs', 'off')", ValueError, "'off'", "available, unavailable"),
    ("emulator.calibrate('lattice64', None)", TypeError, "device_info must be a mapping", "None"),
    ("emulator.calibrate('lattice64', {})", ValueError, "device_info has no 'qubits'"),
    ("emulator.add_user('ann', devices='qulacs')", TypeError, "devices must be a list of ids, not 'qulacs'"),
    ("emulator.add_user('ann', devices=['nope'])", ValueError, "no device 'nope'", "qulacs"),
    ("emulator.announce('a', 'b', start_time='x', end_time='y')", TypeError, "start_time must be a datetime", "'x'"),
]
PROGRAMS: list[Row] = [
    ("provider.run_program(lambda backend: 1, backend=q)", ValueError, "source", "define it in a file"),
    ("provider.run_program(program, backend='qulacss')", QiskitBackendNotFoundError, "Did you mean 'qulacs'?"),
    ("provider.run_program(5, backend=q)", TypeError, "a function or the path of a Python file, not int"),
    ("provider.run_program('print(1)', backend=q)", ValueError, "print(1)", "must end in .py"),
    ("provider.run_program(print, backend=q)", TypeError, "must be a function", "define a function with def"),
    ("provider.run_program(program, 5, backend=q)", TypeError, "cannot be called", "too many positional arguments"),
    ("provider.run_program(program, shots=5, backend=q)", TypeError, "cannot be called", "'shots'"),
    ("provider.run_program(takes, object(), backend=q)", TypeError, "of type object, which cannot be sent"),
    ("provider.run_program(yields, backend=q)", TypeError, "generator function", "return"),
    ("provider.run_program(program, backend=q, options={'timeout': 5})", TypeError, "ProgramOptions", "dict"),
    ("Options(timeout=-1)", ValueError, "timeout must be a number of seconds, at least 1, not -1"),
    ("client.program_job(done_id)", ValueError, "is a sampling job, not a program", "use get_job()"),
]
ALL = [*CONFIGURATION, *CLIENT, *SPECS, *RESULTS, *PROVIDER, *BACKEND_RUN, *PRIMITIVES, *EMULATOR, *PROGRAMS]

RAW = re.compile(r"validation error|errors\.pydantic|__init__\(\)|positional arguments? but|object at 0x")
"""Signs of messages that come from the inside."""


def program(backend: object) -> int:  # noqa: ARG001 - every program takes it
    """A program without arguments."""
    return 1


def takes(backend: object, value: object) -> object:  # noqa: ARG001 - every program takes it
    """A program with an argument."""
    return value


def yields(backend: object) -> Iterator[int]:  # noqa: ARG001 - every program takes it
    """A program that yields."""
    yield 1


def circuits() -> dict[str, Any]:
    """Circuits, right and wrong ones, by name."""
    plain = QuantumCircuit(2, name="plain")
    plain.h(0)
    plain.cx(0, 1)
    angle = Parameter("angle")
    turn = QuantumCircuit(1, 1, name="turn")
    turn.rx(angle, 0)
    turn.measure(0, 0)
    wide = QuantumCircuit(20, name="wide")
    wide.measure_all()
    middle = QuantumCircuit(2, 2, name="middle")
    middle.measure(0, 0)
    middle.x(0)
    middle.measure(0, 1)
    reset = QuantumCircuit(1, 1, name="reset")
    reset.h(0)
    reset.reset(0)
    reset.measure(0, 0)
    branch = QuantumCircuit(2, 2, name="branch")
    branch.measure(0, 0)
    with branch.if_test((branch.clbits[0], 1)):
        branch.x(1)
    unmeasured = QuantumCircuit(2, 2, name="unmeasured")
    return {
        "bell": bell(),
        "plain": plain,
        "angle": angle,
        "turn": turn,
        "wide": wide,
        "middle": middle,
        "reset": reset,
        "branch": branch,
        "unmeasured": unmeasured,
        "without_measuring": plain,
    }


@pytest.fixture(scope="module")
def names() -> Iterator[dict[str, Any]]:
    """The names that the code of the rows uses."""
    spec = Job.sampling(device_id="qulacs", program=BELL, shots=10)
    energy = {"device_id": "qulacs", "program": BELL, "shots": 10}
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(Emulator(":memory:"))
        idle = stack.enter_context(OqtopusProvider(Emulator(":memory:", executor="external").config))
        provider = stack.enter_context(OqtopusProvider(emulator.config))
        closed = Emulator(":memory:")
        closed.close()
        client, q = provider.client, provider.get_backend("qulacs")
        chip = provider.get_backend("lattice64")
        run = q.run(bell(), shots=10)
        run.result(60)
        sampler = OqtopusSampler(q)
        emulator.inject("fail_job", message="the device is on fire", times=2)
        failed, broken = client.run_job(spec, interval=0.01), q.run(bell())
        broken.wait_for_final_state(60)
        waiting_id, cancelled_id = (idle.client.submit_job(spec).job_id for _ in range(2))
        idle.client.cancel_job(cancelled_id)
        terms = [OqtopusEstimationOperator("Z 0 Z 1", 1.0)]
        done = client.run_job(spec, interval=0.01)
        yield {
            **circuits(),
            **{each.__name__: each for each in (Emulator, CoherentErrors, ProgramLimits, SseLimits, OqtopusJob)},
            **{each.__name__: each for each in (Session, Batch, HGate, Operator, SparsePauliOp)},
            "bitstring_to_int": bitstring_to_int,
            "Config": OqtopusConfig,
            "Client": OqtopusClient,
            "Provider": OqtopusProvider,
            "Job": Job,
            "np": np,
            "Estimator": OqtopusEstimator,
            "Sampler": OqtopusSampler,
            "Options": Options,
            "URL": "https://a.org",
            "defer_measurements": defer_measurements,
            "Term": OqtopusEstimationOperator,
            "BELL": BELL,
            "EARLIER": datetime(2026, 1, 1, tzinfo=UTC),
            "LATER": datetime(2026, 1, 2, tzinfo=UTC),
            "spec": spec,
            "program": program,
            "takes": takes,
            "yields": yields,
            "emulator": emulator,
            "idle": idle,
            "config": emulator.config,
            "provider": provider,
            "client": client,
            "q": q,
            "chip": chip,
            "run": run,
            "job": lambda **changes: Job.sampling(**{"device_id": "qulacs", "program": BELL, **changes}),
            "energy": lambda **changes: Job.estimation(**{**energy, **changes}),
            "closed": stack.enter_context(OqtopusClient(closed.config)),
            "asynchronous": SimpleNamespace(list_devices=lambda: _coroutine(emulator)),
            "isa": transpile(bell(), chip, seed_transpiler=1),
            "sampler": sampler,
            "sampled": sampler.run([bell()], shots=10),
            "estimator": OqtopusEstimator(q),
            "estimated": client.run_job(Job.estimation(**energy, operator=terms), interval=0.01),
            "late": idle.get_backend("qulacs").run(bell()),
            "failed": failed,
            "broken": broken,
            "done": done,
            "done_id": done.job_id,
            "waiting_id": waiting_id,
            "waiting": idle.client.get_job(waiting_id),
            "cancelled": idle.client.get_job(cancelled_id),
        }


def _coroutine(emulator: Emulator) -> Any:
    """A coroutine that was not awaited, closed so that Python does not warn."""
    coroutine = AsyncOqtopusClient(emulator.config).list_devices()
    coroutine.close()
    return coroutine


@pytest.mark.parametrize("row", ALL, ids=[row[0][:70] for row in ALL])
@pytest.mark.filterwarnings("ignore:OQTOPUS has no sessions:UserWarning")
def test_wrong_use(row: Row, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is of the documented type, names the value, and says what to do; it is not another library's."""
    code, kind, *says = row
    variables = {**names, "env": lambda **values: [monkeypatch.setenv(*item) for item in values.items()] and None}
    with pytest.raises(kind) as caught:
        exec(code, variables)  # noqa: S102 - code of this file
    message = str(caught.value)
    for part in says:
        assert str(names[part] if part.endswith("_id") else part) in message
    assert not RAW.search(message)
    last = traceback.extract_tb(caught.value.__traceback__)[-1].filename
    assert "site-packages" not in last
    assert "\n" not in message.strip() or len(message.splitlines()) < 3


def test_number_of_wrong_uses() -> None:
    """The list covers the whole surface, and no row is there twice."""
    assert len(ALL) >= 83
    assert len({row[0] for row in ALL}) == len(ALL)


def test_what_is_not_wrong_enough_to_fail_warns(names: dict[str, Any]) -> None:
    """Uses whose results would surprise warn of them: nothing measured, and sessions, which do not exist."""
    sampler, q = names["sampler"], names["q"]
    with pytest.warns(
        UserWarning, match=r"The circuit of PUB 0 has no classical registers, so its result will be empty"
    ):
        sampler.run([names["plain"]])
    with pytest.warns(UserWarning, match=r"PUB 1 measures nothing, so all its bits will be 0\. Did"):
        sampler.run([names["bell"], names["unmeasured"]])
    with pytest.warns(UserWarning, match="no measurements"):
        q.run(names["unmeasured"], memory=True)
    with pytest.warns(UserWarning, match="OQTOPUS has no sessions: jobs wait in the queue"):
        Session(q)
    with pytest.warns(UserWarning, match="OQTOPUS has no batches: jobs wait in the queue"):
        Batch(q)


def test_a_running_event_loop_is_no_obstacle(names: dict[str, Any]) -> None:
    """A blocking client works within a coroutine, as in notebooks."""

    async def listed() -> list[Any]:
        return list(names["provider"].backends())

    assert len(asyncio.run(listed())) == len(qiskit_oqtopus.OqtopusProvider.backends(names["provider"]))
