"""The stack's config: its defaults, and everything that is wrong with it at once."""

import re
from collections.abc import Mapping
from pathlib import Path

import pulumi
import pytest
import yaml

from program import config
from program.images import PLATFORMS, images_for

ROOT = Path(__file__).resolve().parents[3]
KUBECONFIG = """\
apiVersion: v1
current-context: one
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: one, context: {cluster: c, user: u}}]
"""


def load(values: Mapping[str, str], root: Path) -> config.Settings:
    """Return the settings for these keys."""
    keys = {f"kubernetes-emerging:{key}": value for key, value in values.items()}
    pulumi.runtime.set_all_config(keys)
    try:
        return config.load(pulumi.Config("kubernetes-emerging"), "dev", root)
    finally:
        pulumi.runtime.set_all_config({})


def test_defaults(tmp_path: Path) -> None:
    """With a kubeconfig and nothing else, everything has its documented default."""
    settings = load({"kubeconfig": KUBECONFIG}, tmp_path)

    assert (2, 2, 80, 9090) == (
        settings.sidecar_replicas,
        settings.inplace_replicas,
        settings.http_port,
        settings.metrics_port,
    )
    assert config.Size("100m", "128Mi") == settings.nginx == settings.inplace
    assert config.Size("50m", "64Mi") == settings.log_shipper_size
    assert images_for("kind").nginx == settings.nginx_image
    assert "fluent-bit" == settings.log_shipper


def test_the_lab_has_images_of_its_own(tmp_path: Path) -> None:
    """On the lab's cluster the images are those made on the machine, each replaceable."""
    settings = load({"kubeconfig": KUBECONFIG, "platform": "lab", "inplaceImage": "localhost/mine:1"}, tmp_path)

    assert "localhost/nginx:1.26" == settings.nginx_image
    assert "localhost/mine:1" == settings.inplace_image
    assert "rsyslog" == settings.log_shipper


def test_only_clusters_of_make_up_have_the_module(tmp_path: Path) -> None:
    """The module is made on the machine for the lab's node and for kind; anywhere else the image has to be named."""
    images = {platform: load({"kubeconfig": KUBECONFIG, "platform": platform}, tmp_path) for platform in PLATFORMS}

    assert {"lab": "localhost/wasm-demo:1", "kind": "localhost/wasm-demo:1", "eks": "", "aks": "", "gke": ""} == {
        platform: settings.wasm_image for platform, settings in images.items()
    }
    assert images["eks"].nginx_image == images["kind"].nginx_image
    mine = load({"kubeconfig": KUBECONFIG, "wasmImage": "registry.example.com/mine:1"}, tmp_path)
    assert "registry.example.com/mine:1" == mine.wasm_image
    assert (2, config.Size("100m", "128Mi"), "auto", "wasmedge") == (
        mine.wasm_replicas,
        mine.wasm_size,
        mine.wasm,
        mine.wasm_handler,
    )


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Each bad key is named with its value and the remedy, in one error."""
    bad = {
        "platform": "mars",
        "inplaceMemory": "128m",
        "nginxCpu": "lots",
        "httpPort": "70000",
        "sidecarReplicas": "two",
        "kubeconfig": "/nowhere/config",
    }
    with pytest.raises(pulumi.RunError) as caught:
        load(bad, tmp_path)

    text = str(caught.value)
    assert "has 6 problems; nothing was changed" in text
    for words in (
        "kubernetes-emerging:platform: 'mars' is not one of its values; write auto, lab, kind, eks, aks, gke",
        "kubernetes-emerging:inplaceMemory: '128m' is 0.128 bytes; write '128Mi'",
        "kubernetes-emerging:nginxCpu: 'lots' is not a Kubernetes quantity",
        "kubernetes-emerging:httpPort: '70000' is out of range; write a number from 1 to 65535",
        "kubernetes-emerging:sidecarReplicas: 'two' is not a whole number",
        "kubernetes-emerging:kubeconfig: kubeconfig file /nowhere/config does not exist",
    ):
        assert words in text


def test_without_a_cluster_the_remedy_is_make_up(tmp_path: Path) -> None:
    """A stack that no `make up` has recorded says so."""
    with pytest.raises(pulumi.RunError, match="run `make up`"):
        load({}, tmp_path)


def test_a_stack_whose_name_makes_no_namespace_is_refused(tmp_path: Path) -> None:
    """The namespace is made from the stack's name, so a bad one is a problem of the config."""
    pulumi.runtime.set_all_config({"kubernetes-emerging:kubeconfig": KUBECONFIG})
    try:
        with pytest.raises(pulumi.RunError, match="stack Prod_EU: its namespace"):
            config.load(pulumi.Config("kubernetes-emerging"), "Prod_EU", tmp_path)
    finally:
        pulumi.runtime.set_all_config({})


def test_the_schema_and_the_reader_agree() -> None:
    """Pulumi.yaml declares exactly the keys that the program, or `make up`, reads, with the same defaults."""
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    source = (ROOT / "program" / "config.py").read_text()
    read = set(re.findall(r'read\.(?:choice|text|integer)\("(\w+)"', source)) | {"kubeconfig", "context"}
    for name in re.findall(r'read\.size\("(\w+)"', source):
        read |= {f"{name}Cpu", f"{name}Memory"}

    of_make_up = {"kubernetesVersion"}
    assert read | of_make_up == set(schema)
    pulumi.runtime.set_all_config({})
    defaults = load({"kubeconfig": KUBECONFIG}, ROOT)
    declared = {f"{key}": str(entry["default"]) for key, entry in schema.items() if entry["default"] != ""}
    same = load({"kubeconfig": KUBECONFIG, **declared}, ROOT)
    assert defaults == same
