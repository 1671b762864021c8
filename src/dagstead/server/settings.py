"""Settings: their names, forms and defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dagstead.model.folders import DATA_FOLDER
from dagstead.model.registry_hosts import registry_host
from dagstead.model.retention import Retention
from dagstead.plane.tokens import PoolReach
from dagstead.server.setting_forms import (
    absolute,
    absolute_if_any,
    command,
    folders,
    mail_address,
    mail_server,
    networks,
    range_of_users,
    registry_address,
    registry_host_form,
    syslog,
    web_address,
    webhook,
)

ENVIRONMENT_PREFIX = "DAGSTEAD_"


class Settings(BaseModel):
    """Everything that can be set. A field's description is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data: Annotated[Path, AfterValidator(absolute)] = Field(
        Path(DATA_FOLDER),
        description="Folder that holds everything: SQLite files, uploaded files, logs.",
    )
    database: str | None = Field(
        None,
        description="postgresql://USER:PASSWORD@HOST/NAME; SQLite in the data folder if left out.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(3000, ge=1, le=65535, description="Port to listen on.")
    public_url: Annotated[str | None, AfterValidator(web_address)] = Field(
        None,
        description=(
            "Address that agents, the CLI and browsers use; if left out, every caller gets the "
            "address that it used."
        ),
    )
    organization: str = Field(
        "dagstead",
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="Organization name: it becomes a part of every new token.",
    )
    pool: bool = Field(
        True,  # noqa: FBT003 - pydantic's way to give a default
        description="Whether `dagstead up` runs the managed pool.",
    )
    pool_backend: Literal["process", "docker"] = Field(
        "process",
        description=(
            "What the managed pool runs code in: processes of its machine, or containers of the "
            "Docker daemon there, which run images as well as PEX files."
        ),
    )
    pool_base_image: str = Field(
        "python:{python}-slim",
        min_length=1,
        description=(
            "Image in which PEX files run on Docker; {python} stands for their version of Python, "
            "such as 3.12."
        ),
    )
    pool_container_url: Annotated[str | None, AfterValidator(web_address)] = Field(
        None,
        description=(
            "Address of the control plane for containers of the pool; if left out, the pool's own "
            "address, or its network's gateway where that leads to this machine only."
        ),
    )
    pool_threads: int = Field(
        20, ge=1, le=1000, description="Requests that the managed pool handles at one time."
    )
    pool_start_seconds: int = Field(
        180, ge=10, le=3600, description="How long a code server of the pool may need to start."
    )
    pool_branch_idle_seconds: int = Field(
        900,
        ge=10,
        description=(
            "How long a code server of a branch deployment stays up after the last request for it. "
            "The next request starts it again, and waits for that."
        ),
    )
    pool_local_code: bool = Field(
        False,  # noqa: FBT003
        description=(
            "Whether the pool also runs locations of full deployments whose code is on this "
            "machine. Whoever may deploy one then runs any program of it, without walls."
        ),
    )
    pool_sandbox: Literal["auto", "users", "bubblewrap", "kernel", "off"] = Field(
        "auto",
        description=(
            "Walls around user code of the managed pool: a level that has to be there, or the "
            "strongest that this machine allows."
        ),
    )
    pool_users: Annotated[str | None, AfterValidator(range_of_users)] = Field(
        None,
        description=(
            "FIRST-LAST: numbers of users that code locations run as, where the pool is started as "
            "root; a range that Linux distributions keep free if left out."
        ),
    )
    pool_read: Annotated[str, AfterValidator(folders)] = Field(
        "", description="Folders that user code of the pool may read, separated by colons."
    )
    pool_write: Annotated[str, AfterValidator(folders)] = Field(
        "", description="Folders that user code of the pool may read and write, likewise."
    )
    pool_memory_mb: int = Field(
        0,
        ge=0,
        description=(
            "Most memory of a run or a code server on the pool, in MiB; 0 is no limit. Locations "
            "may choose less in `container_context: dagstead_pool: memory_mb`."
        ),
    )
    pool_processes: int = Field(
        4096,
        ge=0,
        description=(
            "Most processes and threads of a run or a code server; 0 is no limit. Locations may "
            "choose less: `processes`."
        ),
    )
    pool_cpus: float = Field(
        0,
        ge=0,
        description=(
            "Most processors that a run or a code server may keep busy; 0 is no limit. Locations "
            "may choose less: `cpus`."
        ),
    )
    pool_warm_workers: int = Field(
        4,
        ge=0,
        description=(
            "Most processes of the pool that have imported the code of a location and wait for its "
            "next run; 0 is none. Locations may do without: `warm: false`."
        ),
    )
    pool_serves: PoolReach = Field(
        PoolReach.ALL,
        description=(
            "Which deployments this pool serves. With two pools, code of branch deployments has a "
            "machine or container of its own."
        ),
    )
    pool_unwalled_branches: bool = Field(
        False,  # noqa: FBT003
        description=(
            "Whether the pool runs code of branch deployments where no walls can be had. Then "
            "whoever opens a pull request is an administrator of the control plane."
        ),
    )
    pool_unpacked_mb: int = Field(
        16384,
        ge=1,
        le=1024 * 1024,
        description="Largest size of one PEX file that the pool unpacks, unpacked, in MiB.",
    )
    pool_unpacked_files: int = Field(
        500_000,
        ge=1,
        le=100_000_000,
        description="Most files in one PEX file that the pool unpacks.",
    )
    max_body_mb: int = Field(
        50, ge=1, le=2048, description="Largest request body, in MiB, apart from stored files."
    )
    max_file_mb: int = Field(
        2048, ge=1, le=1024 * 1024, description="Largest stored file (a PEX, a log), in MiB."
    )
    max_definitions_mb: int = Field(
        64,
        ge=1,
        le=2048,
        description=(
            "Largest definitions of a repository that are taken from agents, in MiB, unpacked. "
            "Reading them may need twelve times as much memory."
        ),
    )
    max_work_mb: int = Field(
        384,
        ge=16,
        le=1024 * 1024,
        description=(
            "Memory of the web server for large requests under way, in MiB. Those that do not fit "
            "wait, or are asked to come again; one that needs more than all of it is alone."
        ),
    )
    max_connections: int = Field(
        4000,
        ge=10,
        le=1_000_000,
        description=(
            "Connections at one time, at most three quarters of the files that the system lets the "
            "web server open. When there are more, those that wait longest without sending "
            "anything are closed."
        ),
    )
    max_requests_per_minute: int = Field(
        30_000,
        ge=60,
        le=10_000_000,
        description="Requests with one token in a minute; more are asked to come again later.",
    )
    registry_url: Annotated[str | None, AfterValidator(registry_address)] = Field(
        None,
        description=(
            "Registry in which this installation keeps images of serverless locations, with the "
            "folder there if it has one, such as http://registry:5000 or "
            "https://registry.example.com/dagstead; without one, serverless locations are PEX "
            "files only. The password is in the variable DAGSTEAD_REGISTRY_PASSWORD."
        ),
    )
    registry_host: Annotated[str | None, AfterValidator(registry_host_form)] = Field(
        None,
        description=(
            "Host, with its port, under which images of that registry are named where public_url "
            "is not set, such as 127.0.0.1:3000; it has to lead to this server."
        ),
    )
    registry_username: str | None = Field(
        None, min_length=1, description="Name under which this installation uses that registry."
    )
    registry_command: Annotated[str | None, AfterValidator(command)] = Field(
        None,
        description=(
            "Program that prints the password of that registry, with its arguments; for passwords "
            "that are good for a while only, such as `aws ecr get-login-password`."
        ),
    )
    registry_pex_images: bool = Field(
        False,  # noqa: FBT003
        description=(
            "Whether the official command line makes images of PEX files and pushes those, for "
            "pools that run nothing but images."
        ),
    )
    max_layer_mb: int = Field(
        10_240,
        ge=1,
        le=1024 * 1024,
        description="Largest layer of an image that may be pushed, in MiB.",
    )
    master_key_file: Annotated[Path | None, AfterValidator(absolute_if_any)] = Field(
        None,
        description=(
            "File with the master key of secrets; if left out, keys/master.key in the data folder."
        ),
    )
    master_key_command: Annotated[str | None, AfterValidator(command)] = Field(
        None, description="Program that prints the master key, with its arguments."
    )
    keep_days: int = Field(
        30, ge=1, le=3650, description="Days that files and releases are kept after their last use."
    )
    keep_releases: int = Field(
        50,
        ge=2,
        le=100_000,
        description="Newest releases of a deployment that are kept, whatever their age.",
    )
    keep_runs: int = Field(
        100,
        ge=0,
        le=1_000_000,
        description="Newest runs of a deployment whose files are kept, whatever their age.",
    )
    sweep_hours: int = Field(
        6, ge=0, le=24 * 365, description="Hours between sweeps of what is too old; 0 keeps all."
    )
    trail_days: int = Field(
        365, ge=0, le=36_500, description="Days that rows of the trail are kept; 0 keeps all."
    )
    trail_file: Annotated[Path | None, AfterValidator(absolute_if_any)] = Field(
        None,
        description="File to which the trail is written as well, a line of JSON for each row.",
    )
    trail_syslog: Annotated[str | None, AfterValidator(syslog)] = Field(
        None,
        description=(
            "Syslog to which the trail is sent as well: udp://HOST:514, tcp://HOST:601 or "
            "unix:///dev/log."
        ),
    )
    trail_webhook: Annotated[str | None, AfterValidator(webhook)] = Field(
        None,
        description=(
            "Address to which the trail is sent as well, as lines of JSON; with the variable "
            "DAGSTEAD_TRAIL_WEBHOOK_TOKEN, that goes along as a bearer token."
        ),
    )
    metrics_networks: Annotated[str, AfterValidator(networks)] = Field(
        "",
        description=(
            "Networks that may read /metrics without a token, separated by commas, such as "
            "10.20.0.0/16; if left out, everybody needs a token for metrics."
        ),
    )
    alerts_smtp: Annotated[str | None, AfterValidator(mail_server)] = Field(
        None,
        description=(
            "Mail server that alerts are sent by: smtp://HOST, smtp+starttls://USER@HOST or "
            "smtps://USER@HOST; the password is in the variable DAGSTEAD_ALERTS_SMTP_PASSWORD."
        ),
    )
    alerts_from: Annotated[str | None, AfterValidator(mail_address)] = Field(
        None, description="Address that mails about alerts are from."
    )
    alerts_networks: Annotated[str, AfterValidator(networks)] = Field(
        "",
        description=(
            "Inner networks that webhooks of alert policies may be on, separated by commas; if "
            "left out, alerts are sent to public addresses only."
        ),
    )
    alerts_apprise: bool = Field(
        False,  # noqa: FBT003
        description=(
            "Whether alert policies may send by apprise. Whoever may change them can then reach "
            "every address that the daemon reaches."
        ),
    )
    sign_in_days: int = Field(
        30, ge=1, le=365, description="Days until a browser must sign in again."
    )
    loopback_issuers: bool = Field(
        False,  # noqa: FBT003
        description="Whether `dagstead trust` accepts issuers at http://127.0.0.1, for tests.",
    )
    poll_seconds: int = Field(
        1,
        ge=0,
        le=20,
        description=(
            "How long the poll of an agent is held open while there is no work for it; work that "
            "comes meanwhile is handed out at once. An agent that is stopped ends after its poll. "
            "With more than 100 agents, polls are held for longer, up to 5 seconds."
        ),
    )
    stop_seconds: int = Field(
        20, ge=1, le=600, description="Time that every process has to finish its work when stopped."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level of messages that are logged."
    )

    @property
    def database_url(self) -> str:
        """The database in use."""
        return self.database or f"sqlite:///{self.data / 'dagstead.db'}"

    @property
    def postgres_url(self) -> str | None:
        """The Postgres database in use, ``None`` on SQLite."""
        return None if self.database_url.startswith("sqlite") else self.database_url

    @property
    def retention(self) -> Retention:
        """How long things are kept that nothing needs any more."""
        return Retention(days=self.keep_days, releases=self.keep_releases, runs=self.keep_runs)

    @property
    def base_url(self) -> str:
        """The address that agents, the CLI and browsers use."""
        return self.public_url or self.local_url

    @property
    def image_host(self) -> str:
        """The host under which images of the installation's registry are named."""
        is_named = self.registry_host is not None and self.public_url is None
        return str(self.registry_host) if is_named else registry_host(self.base_url)

    @property
    def local_url(self) -> str:
        """The address that works on this machine."""
        every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        host = every.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
