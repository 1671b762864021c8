"""Keys of Dagster's and Dagster+'s settings that would change nothing here, and why."""

from __future__ import annotations

from dagstead.control.settings.rows import RefusedSetting

_POOLS = "Use concurrency.pools.op_granularity_run_buffer."
_OF_THE_SERVER = "Set it up with the server's own settings: `dagstead config show`."
_OF_AGENTS = "Set it in the agent's own dagster.yaml."
_ROLES = (
    "Nobody signs in through SSO: a person has the role of their token. Make it with "
    "`dagstead token create --role`."
)

#: What a Dagster instance is made of: here that is the server's matter.
_PARTS = (
    ("local_artifact_storage", "files of runs are kept where their workers are", _OF_AGENTS),
    ("compute_logs", "agents upload the output of runs to this server", _OF_AGENTS),
    ("storage", "every deployment has a schema or a folder in the server's database", ""),
    ("run_storage", "every deployment has a schema or a folder in the server's database", ""),
    ("event_log_storage", "every deployment has a schema or a folder in the server's database", ""),
    ("schedule_storage", "every deployment has a schema or a folder in the server's database", ""),
    ("defs_state_storage", "the state of components is kept by the server", ""),
    ("scheduler", "schedules are evaluated by the server's own daemon", "Remove it."),
    ("run_coordinator", "runs always wait in the run queue", "Use concurrency.runs."),
    ("run_launcher", "runs are launched by agents", _OF_AGENTS),
    ("instance_class", "every deployment has the class that the server needs", "Remove it."),
    ("secrets", "secrets are kept by the server or by agents", "Use `dagstead secret set`."),
    ("python_logs", "it is read by the workers of runs, which have the agent's", _OF_AGENTS),
    ("code_servers", "code servers are started by agents", "Use user_code_launcher of the agent."),
    ("telemetry", "the server sends none", "Remove it."),
    ("nux", "no newsletter is offered", "Remove it."),
)

OF_DEPLOYMENTS = (
    RefusedSetting(
        path="concurrency.default_op_concurrency_limit",
        because="it is the older name of another setting",
        instead="Use concurrency.pools.default_limit.",
    ),
    RefusedSetting(
        path="run_queue.dequeue_interval_seconds", because="the run queue is looked at every second"
    ),
    RefusedSetting(
        path="run_queue.dequeue_use_threads",
        because="to launch a run is to put a request on an agent's queue, which takes no time",
    ),
    RefusedSetting(
        path="run_queue.dequeue_num_workers",
        because="to launch a run is to put a request on an agent's queue, which takes no time",
    ),
    RefusedSetting(
        path="run_queue.max_user_code_failure_retries",
        because="no code server is needed to take a run from the run queue: its launch waits for "
        "an agent",
        instead="Use run_monitoring.start_timeout_seconds for how long it waits.",
    ),
    RefusedSetting(
        path="run_queue.user_code_failure_retry_delay",
        because="no code server is needed to take a run from the run queue: its launch waits for "
        "an agent",
        instead="Use run_monitoring.start_timeout_seconds for how long it waits.",
    ),
    RefusedSetting(
        path="run_queue.block_op_concurrency_limited_runs",
        because="runs whose steps would all wait for pools always stay queued",
        instead=_POOLS,
    ),
    RefusedSetting(path="run_monitoring.enabled", because="every run is watched, always"),
    RefusedSetting(
        path="run_monitoring.poll_interval_seconds",
        because="every run is looked at every two seconds",
    ),
    RefusedSetting(
        path="run_monitoring.max_resume_run_attempts",
        because="agents have no call by which a run whose worker died could be resumed",
        instead="Use run_retries.max_retries: a new run goes on from the steps that failed.",
    ),
    RefusedSetting(
        path="run_monitoring.cancellation_thread_poll_interval_seconds",
        because="it is read by the workers of runs, which have the agent's",
        instead=_OF_AGENTS,
    ),
    RefusedSetting(
        path="run_retries.enabled",
        because="runs are tried again as often as run_retries.max_retries and their own tag say",
        instead="Set run_retries.max_retries, 0 for never.",
    ),
    RefusedSetting(
        path="auto_materialize.enabled",
        because="automation is switched on and off by its sensors",
        instead="Switch the sensor off on the page Automation.",
    ),
    RefusedSetting(
        path="sso_default_role", because="there is no sign-in that it could be for", instead=_ROLES
    ),
    *(
        RefusedSetting(path=path, because=because, instead=instead or _OF_THE_SERVER)
        for path, because, instead in _PARTS
    ),
)

OF_ORGANIZATIONS = (
    RefusedSetting(
        path="sso_default_role", because="there is no sign-in that it could be for", instead=_ROLES
    ),
    RefusedSetting(
        path="domain_allowlist",
        because="nobody signs in by an address of a mail domain",
        instead="Whoever has a token signs in: `dagstead token create`, `dagstead token link`.",
    ),
)
