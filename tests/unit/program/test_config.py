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


@pytest.mark.parametrize(
    ("keys", "target"),
    [
        ({"kubeconfig": KUBECONFIG, "context": "one"}, {"kubeconfig": KUBECONFIG, "context": "one"}),
        ({"kubeconfig": KUBECONFIG, "expectedClusterId": "u"}, {"kubeconfig": KUBECONFIG, "cluster_id": "u"}),
        ({"clusterStack": "acme/eks/prod"}, {"stack": "acme/eks/prod"}),
        ({"clusterStack": "acme/eks/prod", "context": "c"}, {"stack": "acme/eks/prod", "context": "c"}),
    ],
)
def test_each_way_to_name_a_cluster(tmp_path: Path, keys: dict[str, str], target: dict[str, str]) -> None:
    """A config key names it, and Target takes it under its own name."""
    assert target == load(keys, tmp_path).target


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"cluster": "kubeconfig"}, "none of them names the cluster; set one of them"),
        ({"context": "one"}, "none of them names the cluster; set one of them"),
        (
            {"kubeconfig": KUBECONFIG, "clusterStack": "acme/eks/prod"},
            "emerging:kubeconfig, kubernetes-emerging:clusterStack: name a cluster each; keep one of them",
        ),
        ({"clusterStack": "prod"}, "clusterStack: 'prod' is no full name of a stack; write <organization>/<project>/"),
        ({"kindCluster": "nosuch"}, "kindCluster: "),
        ({"kubeconfig": KUBECONFIG, "context": "two"}, "has no context 'two'; name one of: one"),
        ({"expectedClusterId": "u"}, "expectedClusterId: the cluster of `make up` has its own; remove it"),
        (
            {"clusterStack": "acme/eks/prod", "wasmImage": "i"},
            "wasm: 'auto' asks the cluster, and with kubernetes-emerging:clusterStack it is not known beforehand",
        ),
    ],
)
def test_a_cluster_that_cannot_be_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: dict[str, str], words: str
) -> None:
    """What is wrong is told by the key that has to be changed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pulumi.RunError) as caught:
        load(keys, tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize("stack", ["eks", "aks", "gke"])
def test_the_clouds_stack_files_lack_their_cluster_only(tmp_path: Path, stack: str) -> None:
    """As they stand they ask for a cluster; with one named, everything is set."""
    given = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    keys = {key.partition(":")[2]: str(value) for key, value in given.items()}

    with pytest.raises(pulumi.RunError, match=r"has 1 problem;(?s:.*)none of them names the cluster"):
        load(keys, tmp_path)
    assert (stack, "") == (
        load({**keys, "clusterStack": f"acme/{stack}/prod"}, tmp_path).platform,
        load({**keys, "kubeconfig": KUBECONFIG}, tmp_path).wasm_image,
    )


def test_an_old_cli_is_told_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine says of its version becomes one sentence with the remedy."""

    def old(wanted: str) -> None:
        assert ">=3.238.0" == wanted
        raise ValueError("Pulumi CLI version 3.200.0 does not satisfy the version range")

    monkeypatch.setattr("pulumi.require_pulumi_version", old)
    monkeypatch.setattr(config, "mocked", lambda: False)
    with pytest.raises(
        pulumi.RunError, match=r"needs the Pulumi CLI >=3\.238\.0: Pulumi CLI version 3\.200\.0 .*Install"
    ):
        config.require_cli(ROOT)


def test_the_schema_and_the_reader_agree() -> None:
    """Pulumi.yaml declares exactly the keys that the program, or `make up`, reads, with the same defaults."""
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    source = (ROOT / "program" / "config.py").read_text()
    read = set(re.findall(r'read\.(?:choice|text|integer)\("(\w+)"', source)) | {"context", "expectedClusterId"}
    read |= set(config.WAYS.values())
    for name in re.findall(r'read\.size\("(\w+)"', source):
        read |= {f"{name}Cpu", f"{name}Memory"}

    of_make_up = {"kubernetesVersion"}
    assert read | of_make_up == set(schema)
    pulumi.runtime.set_all_config({})
    defaults = load({"kubeconfig": KUBECONFIG}, ROOT)
    declared = {f"{key}": str(entry["default"]) for key, entry in schema.items() if entry["default"] != ""}
    same = load({"kubeconfig": KUBECONFIG, **declared}, ROOT)
    assert defaults == same
