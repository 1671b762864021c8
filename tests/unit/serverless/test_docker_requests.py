"""What runs and code servers in containers are asked with."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.instance.ref import InstanceRef
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._grpc.types import ExecuteExternalJobArgs

from dagstead.errors import PexError
from dagstead.serverless.docker.endpoint import ContainerClient, ContainerEndpoint
from dagstead.serverless.docker.images import PoolImages
from dagstead.serverless.docker.pex_images import PYTHON
from dagstead.serverless.docker.storage import STORAGE
from dagstead.serverless.unpacking import check_end


def origin(image: str | None) -> JobPythonOrigin:
    repository = RepositoryPythonOrigin(
        executable_path="/usr/bin/python",
        code_pointer=ModuleCodePointer("project", "defs"),
        container_image=image,
        entry_point=["dagster"],
    )
    return JobPythonOrigin("job", repository)


def test_code_of_pex_files_is_run_by_the_python_of_its_image() -> None:
    found = PoolImages.origin_of(origin("dagstead-code:0123"))
    assert found.get_repo_pointer() == origin(None).get_repo_pointer()
    assert found.repository_origin.entry_point == [PYTHON, "-m", "dagster"]


@pytest.mark.parametrize("image", [None, "registry.example.com/code:1"])
def test_images_of_others_have_a_dagster_of_their_own(image: str | None) -> None:
    assert PoolImages.origin_of(origin(image)) == origin(image)


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cut.pex"
    file.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(PexError, match=r"source-1\.pex is not a whole PEX file"):
        check_end("source-1.pex", file)


def test_a_code_server_is_asked_with_the_folders_of_its_container(tmp_path: Path) -> None:
    url = "http://172.30.0.1:3000"
    client = ContainerEndpoint(host="172.30.0.2", port=4000, url=url).create_client()
    assert isinstance(client, ContainerClient)
    job = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("shop"), "__repository__")
    arguments = ExecuteExternalJobArgs(
        job_origin=job.get_job_origin("job"),
        run_id="0123",
        instance_ref=InstanceRef.from_dir(str(tmp_path)),
    )

    reference = client._moved(arguments).instance_ref

    assert reference is not None
    assert STORAGE in reference.local_artifact_storage_data.config_yaml
    assert "local_dir: /tmp/dagstead/" in reference.compute_logs_data.config_yaml
