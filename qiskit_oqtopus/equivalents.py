"""Names that other providers have, and their equivalents here: of attributes, arguments and imports."""

_PROFILES = "profiles are sections of the file that OqtopusConfig.save() returns; see OqtopusConfig.from_file"
_INSTANCES = "OQTOPUS has no instances; leave it out"
_SESSIONS = "OQTOPUS has no sessions; use provider.run_program for functions whose jobs depend on each other"
_PULSES = "OQTOPUS has no pulses; use backend.target"
_DELAY = "servers choose the delay between shots"
_WAITING = "use provider.jobs(limit=None, pending=True, backend_name=backend.name)"
_NATIVE = "use qiskit.transpile(circuit, backend) for circuits of native gates"

MODULE = {
    "AQTProvider": "use OqtopusProvider",
    "BraketProvider": "use OqtopusProvider",
    "Estimator": "use EstimatorV2",
    "EstimatorOptions": "pass options to EstimatorV2 as a dict, or change estimator.options",
    "Executor": "use SamplerV2",
    "IBMBackend": "use OqtopusBackend",
    "IBMProvider": "use OqtopusProvider",
    "IBMQ": "use OqtopusProvider",
    "IBMQuantumComputeService": "use OqtopusProvider",
    "IonQProvider": "use OqtopusProvider",
    "NoiseLearner": "use the option resilience.measure_noise_learning of EstimatorV2",
    "NoiseLearnerV3": "use the option resilience.measure_noise_learning of EstimatorV2",
    "Options": "pass options to SamplerV2 and EstimatorV2 as a dict, or change sampler.options",
    "QiskitRuntimeService": "use OqtopusProvider",
    "RuntimeDecoder": "use provider.load_job(path)",
    "RuntimeEncoder": "use job.save(path)",
    "RuntimeJobV2": "use OqtopusPrimitiveJob",
    "Sampler": "use SamplerV2",
    "SamplerOptions": "pass options to SamplerV2 as a dict, or change sampler.options",
    "fake_provider": "use OqtopusProvider.emulator()",
}
"""Names in the packages of other providers."""

PROVIDER = {
    "accounts": _PROFILES,
    "active_account": "use provider.client.config",
    "active_instance": "OQTOPUS has no instances; use provider.client.config",
    "channel": "a server has one interface; use provider.client.config",
    "check_pending_jobs": "use provider.jobs(pending=True)",
    "delete_account": _PROFILES,
    "delete_job": "use provider.client.delete_job(job_id)",
    "enable_account": "use OqtopusProvider(url=..., token=...)",
    "get_device": "use provider.backend(name)",
    "instances": "OQTOPUS has no instances; use provider.backends()",
    "load_account": "use OqtopusProvider()",
    "retrieve_job": "use provider.job(job_id)",
    "retrieve_jobs": "use provider.jobs()",
    "run": "use backend.run(circuits), OqtopusSampler, OqtopusEstimator or provider.run_program",
    "saved_accounts": _PROFILES,
    "usage": "OQTOPUS has no accounting; use job.execution_time",
    "workspaces": "use provider.backends()",
}
BACKEND = {
    "active_jobs": _WAITING,
    "basis_gates": "use backend.operation_names or backend.configuration().basis_gates",
    "calibration": "use backend.device.calibration",
    "calibration_id": "use backend.calibrated_at",
    "check_faulty": "use backend.device.calibration, which has the errors of all qubits",
    "close_session": "use qiskit_oqtopus.Session",
    "default_rep_delay": _DELAY,
    "defaults": _PULSES,
    "drive_channel": _PULSES,
    "gates": "use backend.target",
    "gateset": _NATIVE,
    "get_translation_stage_plugin": _NATIVE,
    "instance": "OQTOPUS has no instances; use backend.provider",
    "instruction_schedule_map": _PULSES,
    "job_limit": "servers do not limit the number of jobs",
    "jobs": "use provider.jobs(backend_name=backend.name)",
    "max_experiments": "a run takes any number of circuits",
    "n_qubits": "use backend.num_qubits",
    "open_session": "use qiskit_oqtopus.Session(backend)",
    "physical_qubits": "use range(backend.num_qubits)",
    "processor_type": "use backend.device",
    "queue_depth": "use backend.pending_jobs, or job.queue_position()",
    "remaining_jobs_count": _WAITING,
    "rep_delay_range": _DELAY,
    "reservations": _SESSIONS,
    "retrieve_job": "use provider.job(job_id)",
    "service": "use backend.provider",
    "session": "use qiskit_oqtopus.Session(backend)",
    "simulator": "use backend.device.device_type",
    "supported_instructions": "use backend.operation_names",
    "target_history": "use provider.client.list_device_histories(device_id=backend.name)",
}
JOB = {
    "client_version": "use importlib.metadata.version('oqtopus-client')",
    "get_probabilities": "divide job.result().get_counts() by the shots",
    "header": "use job.result().results[0].header",
    "image": "servers choose the software that runs jobs; use job.jobs()",
    "inputs": "use job.programs()",
    "counts": "use job.result().get_counts()",
    "get_counts": "use job.result().get_counts()",
    "get_memory": "use job.result().get_memory(), after backend.run(..., memory=True)",
    "results": "use job.result().results",
    "instance": "OQTOPUS has no instances; use job.backend()",
    "logs": "use job.jobs(), the OQTOPUS jobs with their messages",
    "name": "use job.jobs()[0].name",
    "persist": "use job.save(path)",
    "primitive_id": "job.job_id() begins with it",
    "private": "servers keep a job until it is deleted; use provider.client.delete_job(job_id)",
    "program_id": "job.job_id() begins with it",
    "properties": "use job.backend().properties(), which are the current ones",
    "queue_depth": "use job.queue_info()",
    "refresh": "use job.status()",
    "restore": "use provider.job(job_id), or provider.load_job(path)",
    "scheduling_mode": _SESSIONS,
    "session_id": "OQTOPUS has no sessions; use job.job_id()",
    "time_per_step": "use job.timestamps",
    "update_name": "servers keep a job as it was submitted; use the option name of the run",
    "update_tags": "servers keep a job as it was submitted; use the option job_tags of the run",
    "usage_estimation": "use job.execution_time",
}
PRIMITIVE_JOB = {
    **JOB,
    **dict.fromkeys(
        ("counts", "get_counts", "get_memory", "quasi_dists"),
        "use job.result()[0].data.NAME.get_counts(), where NAME is a classical register, such as meas",
    ),
    **dict.fromkeys(("values", "evs"), "use job.result()[0].data.evs"),
    "circuits": "use [program.to_circuit() for program in job.programs()]",
    "placements": "use job.result()[0].metadata['placements']",
    "resubmit": "run the PUBs again",
}
SESSION = {
    "cancel": "use job.cancel()",
    "details": _SESSIONS,
    "from_id": _SESSIONS,
    "run": "use SamplerV2(mode=session).run(pubs)",
    "service": "use session.backend().provider",
    "status": "use job.status()",
    "usage": "use job.execution_time",
}

# --- arguments of functions

NEW_PROVIDER = {
    "access_token": "use token",
    "api_token": "use token",
    "base_url": "use url",
    "channel": "use url=..., the server's URL",
    "filename": "use OqtopusConfig.from_file(name, path=...)",
    "instance": _INSTANCES,
    "name": "use OqtopusConfig.from_file(name)",
    "overwrite": "it is an argument of save_account",
    "plans_preference": _INSTANCES,
    "private_endpoint": "use url",
    "proxies": "use OqtopusConfig(url, api_token=..., proxy=...)",
    "region": _INSTANCES,
    "set_as_default": "the profile named 'default' is the default one",
    "tags": _INSTANCES,
    "url_resolver": "use url",
    "verify": "certificates are always verified; name your own authority in SSL_CERT_FILE",
}
FILTERS = {
    "calibration_id": "backend.calibrated_at says when a device was calibrated",
    "dynamic_circuits": "no device measures before the end; see qiskit_oqtopus.defer_measurements",
    "gateset": _NATIVE,
    "hub": _INSTANCES,
    "include_mocks": "use OqtopusProvider.emulator()",
    "instance": _INSTANCES,
    "n_qubits": "use min_num_qubits, or filters=lambda backend: backend.num_qubits == ...",
    "num_qubits": "use min_num_qubits, or filters=lambda backend: backend.num_qubits == ...",
    "status": "use operational",
    "statuses": "use operational",
    "types": "use simulator",
    "use_fractional_gates": "native gates are rz, sx, x and cx; leave it out",
}
JOBS = {
    "created_after": "use after",
    "created_before": "use before",
    "end_datetime": "use before",
    "include_mocks": "an emulator's jobs are listed by its own provider",
    "instance": _INSTANCES,
    "job_name": "use name",
    "job_tags": "use tags",
    "program_id": "use name='sampler-' or name='estimator-', as the ids of such jobs begin",
    "session_id": "OQTOPUS has no sessions; mark jobs with the option job_tags, and use tags",
    "start_datetime": "use after",
}
NEW_SESSION = {
    "max_time": "OQTOPUS has no sessions that could end; leave it out",
    "service": "leave it out: the backend knows its provider",
}
RUN = {
    "dry_run": "use plan(pubs), which returns what run would submit",
    "parameter_values": "give each PUB as (circuit, values), or (circuit, observables, values)",
    "session": "give it to the primitive as mode",
}
WAITING = {
    "decoder": "results are those of Qiskit",
    "interval": "result() polls by itself; use wait_for_final_state(wait=...)",
    "poll_interval": "result() polls by itself; use wait_for_final_state(wait=...)",
    "use_cached_result": "results are cached",
    "wait": "result() polls by itself; use wait_for_final_state(wait=...)",
}
