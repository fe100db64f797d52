"""Names that other providers have, and their equivalents here: of attributes, arguments and imports."""

_PROFILES = "profiles are sections of a file; see oqtopus_client.OqtopusConfig.from_file"
_INSTANCES = "OQTOPUS has no instances; leave it out"
_SESSIONS = "OQTOPUS has no sessions; use provider.run_program for functions whose jobs depend on each other"
_PULSES = "OQTOPUS has no pulses; use backend.target"
_DELAY = "servers choose the delay between shots"
_WAITING = "use provider.jobs(limit=None, pending=True, backend_name=backend.name)"
_NATIVE = "use qiskit.transpile(circuit, backend) for circuits of native gates"
_CONFIG = "use provider.client.config"
_CANCEL = "use provider.client.cancel_job(job_id)"
_FREE = "OQTOPUS has no prices"
_PROGRAMS = "use provider.run_program"
_NUMBERED = "qubits are numbers; use range(backend.num_qubits)"
_KEPT = "servers keep a job until it is deleted; use provider.client.delete_job(job_id)"
_RESULT_COUNTS = "use job.result().get_counts()"
_DEBIASING = "there is no debiasing; use backend.run(circuits, mitigation='pseudo_inverse')"
_PUBS = "give each PUB as (circuit, values), or (circuit, observables, values)"

MODULE = {
    r"Fake\w+|fake_provider|\w*Simulator|\w+LocalBackend": "use OqtopusProvider.emulator()",
    r"IBMQ|\w+(Provider|Service)": "use OqtopusProvider",
    r"OqtopusSamplingBackend|\w*Sampler(V1)?|Executor": "use SamplerV2",
    r"OqtopusEstimationBackend|\w*Estimator(V1)?": "use EstimatorV2",
    r"\w+Backend": "use OqtopusBackend",
    r"(Estimator|Resilience)Options": "pass options to EstimatorV2 as a dict, or change estimator.options",
    r"\w*Options(V2)?": "pass options to SamplerV2 and EstimatorV2 as a dict, or change sampler.options",
    r"NoiseLearner\w*": "use the option resilience.measure_noise_learning of EstimatorV2",
    r"RuntimeDecoder": "use provider.load_job(path)",
    r"RuntimeEncoder": "use job.save(path)",
    r"\w+Job(V2)?": "use OqtopusJob, or OqtopusPrimitiveJob for primitives",
    r"\w+Error": "use the classes of oqtopus_client.errors and qiskit_oqtopus.errors",
    r"OqtopusClient|OqtopusConfig": "import it from oqtopus_client",
    r"JobStatus": "import it from qiskit.providers",
    r"execute": "use backend.run(qiskit.transpile(circuit, backend))",
    r"job_monitor": "use job.result(progress=True)",
    r"least_busy": "use provider.least_busy()",
    r"transpile\w*": "use qiskit.transpile(circuit, backend)",
}
"""Names in the packages of other providers, as regular expressions; the first that matches counts."""

PROVIDER = {
    **dict.fromkeys(("accounts", "delete_account", "delete_accounts", "saved_account", "saved_accounts"), _PROFILES),
    **dict.fromkeys(("stored_account", "stored_accounts"), _PROFILES),
    **dict.fromkeys(("active_account", "credentials", "token", "url"), _CONFIG),
    **dict.fromkeys(("devices", "get_devices", "services", "workspaces"), "use provider.backends()"),
    **dict.fromkeys(("disable_account", "logout"), "use provider.close()"),
    **dict.fromkeys(("get_job", "retrieve_job"), "use provider.job(job_id)"),
    **dict.fromkeys(("get_provider", "load_account", "providers"), "use OqtopusProvider()"),
    **dict.fromkeys(("pprint_programs", "program", "programs", "runtime", "upload_program"), _PROGRAMS),
    "active_instance": "OQTOPUS has no instances; use provider.client.config",
    "backend_names": "use [backend.name for backend in provider.backends()]",
    "cancel_job": _CANCEL,
    "channel": "a server has one interface; use provider.client.config",
    "check_pending_jobs": "use provider.jobs(pending=True)",
    "delete_job": "use provider.client.delete_job(job_id)",
    "enable_account": "use OqtopusProvider(url=..., token=...)",
    "estimate_cost": _FREE,
    "get_device": "use provider.backend(name)",
    "instances": "OQTOPUS has no instances; use provider.backends()",
    "retrieve_jobs": "use provider.jobs()",
    "run": "use backend.run(circuits), OqtopusSampler, OqtopusEstimator or provider.run_program",
    "usage": "OQTOPUS has no accounting; use job.execution_time",
}
BACKEND = {
    **dict.fromkeys(("acquire_channel", "control_channel", "defaults", "drive_channel"), _PULSES),
    **dict.fromkeys(("instruction_schedule_map", "measure_channel"), _PULSES),
    **dict.fromkeys(("active_jobs", "remaining_jobs_count"), _WAITING),
    **dict.fromkeys(("architecture", "gates"), "use backend.target"),
    **dict.fromkeys(("cancel_job", "cancel_jobs"), _CANCEL),
    **dict.fromkeys(("default_rep_delay", "rep_delay_range"), _DELAY),
    **dict.fromkeys(("gateset", "get_translation_stage_plugin"), _NATIVE),
    **dict.fromkeys(("get_job", "retrieve_job"), "use provider.job(job_id)"),
    **dict.fromkeys(("group", "hub", "instance", "project"), "OQTOPUS has no instances; use backend.provider"),
    **dict.fromkeys(("has_valid_qubit_names", "index_to_qubit_name", "qubit_name_to_index"), _NUMBERED),
    **dict.fromkeys(("is_simulator", "simulator"), "use backend.device.device_type"),
    **dict.fromkeys(("jobs", "retrieve_jobs"), "use provider.jobs(backend_name=backend.name)"),
    **dict.fromkeys(("open_session", "session"), "use qiskit_oqtopus.Session(backend)"),
    "backend_queue": "use backend.pending_jobs",
    "basis_gates": "use backend.operation_names or backend.configuration().basis_gates",
    "calibration": "use backend.device.calibration",
    "calibration_id": "use backend.calibrated_at",
    "check_faulty": "use backend.device.calibration, which has the errors of all qubits",
    "client": "use backend.provider.client",
    "close_session": "use qiskit_oqtopus.Session",
    "estimate_cost": _FREE,
    "get_status": "use backend.status()",
    "job_limit": "servers do not limit the number of jobs",
    "local": "use backend.configuration().local",
    "max_experiments": "a run takes any number of circuits",
    "n_qubits": "use backend.num_qubits",
    "physical_qubits": "use range(backend.num_qubits)",
    "processor_type": "use backend.device",
    "queue_depth": "use backend.pending_jobs, or job.queue_position()",
    "queue_info": "use backend.pending_jobs, or job.queue_info()",
    "reservations": _SESSIONS,
    "service": "use backend.provider",
    "supported_instructions": "use backend.operation_names",
    "target_history": "use provider.client.list_device_histories(device_id=backend.name)",
    "with_name": "use provider.backend(name)",
}
JOB = {
    **dict.fromkeys(("api_job_id", "id", "task_id"), "use job.job_id()"),
    **dict.fromkeys(("circuit", "run_input"), "use job.circuits()"),
    **dict.fromkeys(("client_info", "client_version"), "use importlib.metadata.version('oqtopus-client')"),
    **dict.fromkeys(("compiled_circuit", "compiled_circuits"), "use job.transpiled_circuits()"),
    **dict.fromkeys(("counts", "get_counts"), _RESULT_COUNTS),
    **dict.fromkeys(("error", "failure_message"), "use job.error_message()"),
    **dict.fromkeys(("final", "ready"), "use job.in_final_state()"),
    **dict.fromkeys(("inputs", "primitive_id", "program_id", "qobj"), "use job.programs()"),
    **dict.fromkeys(("interim_results", "stream_results"), "use job.result(partial=True)"),
    **dict.fromkeys(("persist", "to_dict"), "use job.save(path)"),
    **dict.fromkeys(("wait_for_completion", "wait_until_completed"), "use job.wait_for_final_state()"),
    "backend_options": "use job.jobs(), the OQTOPUS jobs with their settings",
    "cost": _FREE,
    "details": "use job.jobs()",
    "from_dict": "use provider.load_job(path)",
    "get_memory": "use job.result().get_memory(), after backend.run(..., memory=True)",
    "get_probabilities": "divide job.result().get_counts() by the shots",
    "header": "use job.result().results[0].header",
    "image": "servers choose the software that runs jobs",
    "instance": "OQTOPUS has no instances; use job.backend()",
    "logs": "use job.jobs(), the OQTOPUS jobs with their messages",
    "name": "use job.jobs()[0].name",
    "output_data": "use job.result()",
    "private": _KEPT,
    "progress": "use job.result(progress=True)",
    "properties": "use job.backend().properties(), which are the current ones",
    "queue_depth": "use job.queue_info()",
    "refresh": "use job.status()",
    "restore": "use provider.job(job_id), or provider.load_job(path)",
    "results": "use job.result().results",
    "scheduling_mode": _SESSIONS,
    "service": "use job.backend().provider",
    "session_id": "OQTOPUS has no sessions; use job.job_id()",
    "shots": "use job.jobs()[0].shots",
    "time_per_step": "use job.timestamps",
    "timeline": "use job.plot_timeline()",
    "update_name": "servers keep a job as it was submitted; use the option name of the run",
    "update_tags": "servers keep a job as it was submitted; use the option job_tags of the run",
    "usage_estimation": "use job.execution_time",
}
PRIMITIVE_JOB = {
    **JOB,
    **dict.fromkeys(
        ("counts", "get_counts", "get_memory", "get_probabilities", "quasi_dists"),
        "use job.result()[0].data.NAME.get_counts(), where NAME is a classical register, such as meas",
    ),
    **dict.fromkeys(("header", "metadata"), "use job.result()[0].metadata"),
    **dict.fromkeys(("interim_results", "stream_results"), "results come together; use job.result()"),
    **dict.fromkeys(("primitive_id", "program_id"), "job.job_id() begins with it"),
    **dict.fromkeys(("values", "evs"), "use job.result()[0].data.evs"),
    "circuit": "use [program.to_circuit() for program in job.programs()]",
    "circuits": "use [program.to_circuit() for program in job.programs()]",
    "placements": "use job.result()[0].metadata['placements']",
    "results": "use list(job.result())",
    "resubmit": "run the PUBs again",
    "run_input": "use [program.to_circuit() for program in job.programs()]",
}
PRIMITIVE = {
    "mode": "use sampler.backend",
    "session": "use sampler.backend",
    "set_options": "use sampler.options.update(default_shots=100)",
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
    **dict.fromkeys(("access_token", "api_key", "api_token"), "use token"),
    **dict.fromkeys(("base_url", "private_endpoint", "url_resolver"), "use url"),
    **dict.fromkeys(("channel_strategy", "group", "hub", "instance", "location", "plans_preference"), _INSTANCES),
    **dict.fromkeys(("project", "region", "resource_id", "tags", "workspace"), _INSTANCES),
    "channel": "use url=..., the server's URL",
    "custom_headers": "leave it out: requests have no headers of users",
    "filename": "use oqtopus_client.OqtopusConfig.from_file(name, path=...)",
    "load_dotenv": "set OQTOPUS_URL and OQTOPUS_API_TOKEN in the environment",
    "name": "use oqtopus_client.OqtopusConfig.from_file(name)",
    "overwrite": "it is an argument of save_account",
    "proxies": "use oqtopus_client.OqtopusConfig(url, api_token=..., proxy=...)",
    "quantum_computer": "use provider.backend(name)",
    "set_as_default": "the profile named 'default' is the default one",
    "verify": "certificates are always verified; name your own authority in SSL_CERT_FILE",
}
FILTERS = {
    **dict.fromkeys(("backend_type", "types"), "use simulator"),
    **dict.fromkeys(("group", "hub", "instance", "project", "workspace"), _INSTANCES),
    **dict.fromkeys(("include_mocks", "local"), "use OqtopusProvider.emulator()"),
    **dict.fromkeys(("status", "statuses"), "use operational"),
    "backend_name": "use name",
    "calibration_id": "backend.calibrated_at says when a device was calibrated",
    "dynamic_circuits": "no device measures before the end; see qiskit_oqtopus.defer_measurements",
    "gateset": _NATIVE,
    "input_allowed": "servers publish no such list; leave it out",
    "n_qubits": "use min_num_qubits, or filters=lambda backend: backend.num_qubits == ...",
    "num_qubits": "use min_num_qubits, or filters=lambda backend: backend.num_qubits == ...",
    "refresh": "each call asks the server; leave it out",
    "use_fractional_gates": "native gates are rz, sx, x and cx; leave it out",
}
JOBS = {
    **dict.fromkeys(("created_after", "start_datetime"), "use after"),
    **dict.fromkeys(("created_before", "end_datetime"), "use before"),
    "backend": "use backend_name",
    "calibration_id": "use after and before, the times of calibrations",
    "db_filter": "use name, tags, status, after and before",
    "ignore_composite_jobs": "circuits of one run are one job; leave it out",
    "include_mocks": "an emulator's jobs are listed by its own provider",
    "instance": _INSTANCES,
    "job_name": "use name",
    "job_tags": "use tags",
    "job_tags_operator": "jobs have all the tags; leave it out",
    "private": _KEPT,
    "program_id": "use name='sampler-' or name='estimator-', as the ids of such jobs begin",
    "session_id": "OQTOPUS has no sessions; mark jobs with the option job_tags, and use tags",
}
PROPERTIES = {"datetime": "use provider.client.list_device_histories(device_id=backend.name)"}
NEW_SESSION = {
    "create_new": "OQTOPUS has no sessions that could be used again; leave it out",
    "max_time": "OQTOPUS has no sessions that could end; leave it out",
    "service": "leave it out: the backend knows its provider",
}
RUN_OPTIONS = {
    **dict.fromkeys(("seed", "sampler_seed", "seed_estimator"), "use seed_simulator"),
    "count": "use shots",
    **dict.fromkeys(("job_name", "qobj_id"), "use name"),
    **dict.fromkeys(("tag", "metadata", "extra_metadata", "header"), "use job_tags, or the circuit's own metadata"),
    "parameter_binds": "use parameter_values, with a row for each binding and a column for each parameter",
    "circuits": "it is the first argument; use backend.run(circuits)",
    **dict.fromkeys(
        ("initial_layout", "optimization_level", "seed_transpiler"),
        "use it in qiskit.transpile(circuit, backend, ...), or in transpiler_options",
    ),
    **dict.fromkeys(
        ("backend_properties", "basis_gates", "coupling_map", "layout_method", "pass_manager", "routing_method"),
        "use it in qiskit.transpile(circuit, ...) first",
    ),
    **dict.fromkeys(
        ("disable_qubit_rewiring", "skip_transpilation", "verbatim"),
        "use transpile='none', which sends circuits as they are",
    ),
    **dict.fromkeys(
        ("query_timeout_seconds", "timeout", "timeout_seconds", "max_execution_time"), "use job.result(timeout=...)"
    ),
    "with_progress_bar": "use job.result(progress=True)",
    "dry_run": "use backend.programs(circuits), which returns what run would submit",
    "dynamic": "no device acts on measured bits; leave it out, and see the option defer_measurements",
    "use_measure_esp": "servers choose how qubits are measured; leave it out",
    **dict.fromkeys(
        ("device", "max_parallel_experiments", "max_parallel_shots", "max_parallel_threads", "method", "precision"),
        "it is an option of qiskit_aer.AerSimulator; devices have none for simulation",
    ),
    **dict.fromkeys(("pulse", "parametric_pulses", "qubit_lo_freq", "meas_lo_freq", "schedule_los"), _PULSES),
    **dict.fromkeys(("instance", "hub", "group", "project"), _INSTANCES),
    **dict.fromkeys(("session", "session_id", "use_timeslot", "reservation_arn"), _SESSIONS),
    "private": _KEPT,
    **dict.fromkeys(("cost_limit", "max_credits"), f"{_FREE}; leave it out"),
    "use_fractional_gates": "native gates are rz, sx, x and cx; leave it out",
    **dict.fromkeys(
        ("error_mitigation", "measurement_error_mitigation"), "use mitigation='pseudo_inverse', or EstimatorV2"
    ),
    **dict.fromkeys(
        ("resilience_level", "resilience", "twirling", "dynamical_decoupling"),
        "it is an option of qiskit_oqtopus.OqtopusEstimator or OqtopusSampler",
    ),
}
RUN = {
    "circuits": _PUBS,
    "default_shots": "use shots",
    "dry_run": "use plan(pubs), which returns what run would submit",
    "memory": "leave it out: results of samplers have every shot",
    "observables": _PUBS,
    "parameter_values": _PUBS,
    "parameters": _PUBS,
    "precision": "use shots",
    "seed": "use the option seed, as in SamplerV2(backend, options={'seed': 1})",
    "session": "give it to the primitive as mode",
    "skip_transpilation": "circuits of native instructions run as they are; leave it out",
}
WAITING = {
    **dict.fromkeys(("aggregation", "sharpen"), _DEBIASING),
    **dict.fromkeys(("interval", "poll"), "result() polls by itself; use wait_for_final_state(wait=...)"),
    **dict.fromkeys(("poll_interval", "wait"), "result() polls by itself; use wait_for_final_state(wait=...)"),
    "cancel_on_interrupt": "use job.cancel()",
    "decoder": "results are those of Qiskit",
    "extra_query_params": "requests have no parameters of users; leave it out",
    "refresh": "results do not change; leave it out",
    "use_cached_result": "results are cached",
}
