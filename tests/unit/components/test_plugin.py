"""The package as another language meets it: a process that serves over gRPC."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pulumi
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

import components

FOLDER = Path(components.__file__).parent


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """Start the plugin the way the language host does, in a folder that is not the project's."""
    process = subprocess.Popen(
        [sys.executable, str(FOLDER), "127.0.0.1:1"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_plugin_serves_its_schema(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    """A folder added as a package starts by itself and describes every component under one version."""
    schema = json.loads(provider.GetSchema(provider_pb2.GetSchemaRequest(), timeout=20).schema)

    assert "kubernetes-emerging" == schema["name"]
    assert components.__version__ == schema["version"]
    public = [getattr(components, name) for name in components.__all__]
    kinds = {each.__name__ for each in public if isinstance(each, type) and issubclass(each, pulumi.ComponentResource)}
    assert {f"kubernetes-emerging:index:{kind}" for kind in kinds} == set(schema["resources"])
    stateful = schema["resources"]["kubernetes-emerging:index:ResizableStatefulSet"]["inputProperties"]
    assert {"type": "string", "plain": True} == {key: stateful["movedFrom"][key] for key in ("type", "plain")}
    assert "volumeClaimTemplates" in stateful
    sidecar = schema["resources"]["kubernetes-emerging:index:SidecarWorkload"]["inputProperties"]
    assert {"type": "string", "plain": True} == {key: sidecar["kind"][key] for key in ("type", "plain")}
    job = schema["types"][sidecar["job"]["$ref"].removeprefix("#/types/")]["properties"]
    assert "towards `backoff_limit`" in job["restartPolicy"]["description"]
