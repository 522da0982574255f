"""What the components of a node are told."""

import json
import tomllib
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab.cluster import Cluster, artifacts, config, dns, golang, images, pki, plan
from lab.cluster.errors import ClusterError
from lab.cluster.instance import Instance
from lab.cluster.network import Ranges
from lab.progress import quiet

RANGES = Ranges(IPv4Network("10.240.0.0/16"))


def flags(command: list[str]) -> dict[str, str]:
    """Return the flags of a command line by name."""
    return dict(word.removeprefix("--").split("=", 1) for word in command[1:])


def test_every_file_that_a_command_line_names_is_written(tmp_path: Path) -> None:
    """No component is pointed at a key, certificate or configuration that nothing makes."""
    pki.write_all(tmp_path / "etc/pki", RANGES)
    plan.write_configuration(tmp_path, RANGES, "group", plan.Host("overlayfs", restrict_oom_score=True))
    made = {f"{config.CONFIG}/{path.relative_to(tmp_path / 'etc')}" for path in (tmp_path / "etc").rglob("*")}
    rendered = json.dumps(plan.render(tmp_path, RANGES, "group")["components"])
    rendered += json.dumps(config.kubelet_configuration(RANGES, "group"))
    named = {word for word in rendered.replace('"', " ").replace("=", " ").split() if word.startswith(config.CONFIG)}
    assert len(named) > 20
    assert set() == {word.rstrip(",") for word in named} - made


def test_the_api_server_and_the_controllers_agree_on_addresses() -> None:
    """Service range, pod range and the node's address are the instance's own everywhere."""
    api, controllers = flags(config.apiserver(RANGES)), flags(config.controller_manager(RANGES))
    assert "10.240.0.2" == api["advertise-address"]
    assert "10.240.16.0/20" == api["service-cluster-ip-range"] == controllers["service-cluster-ip-range"]
    assert "10.240.32.0/20" == controllers["cluster-cidr"] == config.proxy_configuration(RANGES)["clusterCIDR"]
    (pods, _) = config.cni_configuration(RANGES)["plugins"]
    assert [[{"subnet": "10.240.32.0/20"}]] == pods["ipam"]["ranges"]
    assert ["10.240.16.10"] == config.kubelet_configuration(RANGES, "group")["clusterDNS"]


def test_the_machine_s_connection_table_is_left_alone() -> None:
    """kube-proxy would set kernel-wide limits unless each is zero."""
    assert {0, "0s"} == set(config.proxy_configuration(RANGES)["conntrack"].values())


@pytest.mark.parametrize("restrict", [True, False])
def test_containerd_is_told_what_this_machine_allows(restrict: bool) -> None:
    """Its configuration is TOML of version 3 with runc named, for a listed runtime hides the built-in one."""
    text = config.containerd_configuration(snapshotter="native", restrict_oom_score=restrict)
    told = tomllib.loads(text)
    assert 3 == told["version"]
    assert "native" == told["plugins"]["io.containerd.cri.v1.images"]["snapshotter"]
    assert images.PAUSE == told["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"]
    runtime = told["plugins"]["io.containerd.cri.v1.runtime"]
    assert restrict is runtime["restrict_oom_score_adj"]
    assert "io.containerd.runc.v2" == runtime["containerd"]["runtimes"]["runc"]["runtime_type"]


def test_the_wasm_handler_is_a_runtime_of_its_own() -> None:
    """Its program is called crun-wasm, which is what makes crun take containers for modules; runc stays the default."""
    told = tomllib.loads(config.containerd_configuration(snapshotter="native", restrict_oom_score=True))
    runtimes = told["plugins"]["io.containerd.cri.v1.runtime"]["containerd"]
    assert "runc" == runtimes["default_runtime_name"]
    expected = {"runtime_type": "io.containerd.runc.v2", "options": {"BinaryName": "/usr/bin/crun-wasm"}}
    assert expected == runtimes["runtimes"]["wasmedge"]
    mixed = {"runtime_type": "io.containerd.runc.v2", "options": {"BinaryName": "/usr/bin/crun"}}
    assert {**mixed, "pod_annotations": ["module.wasm.image/*"]} == runtimes["runtimes"]["crun"]
    assert {"crun", "libwasmedge0"} <= set(artifacts.NODE_ROOT.packages)


def test_a_node_runs_the_programs_of_its_minor(tmp_path: Path) -> None:
    """Kubernetes is of the minor that was asked for, and what surrounds it is the same."""
    one, two = (plan.render(tmp_path, RANGES, "group", minor) for minor in golang.MINORS)
    sources = [{bind["target"]: bind["source"] for bind in made["binds"]} for made in (one, two)]
    assert sources[0].keys() == sources[1].keys()
    differ = {Path(target).name for target in sources[0] if sources[0][target] != sources[1][target]}
    assert {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"} == differ
    assert str(golang.find("kubelet", "1.37")) == sources[1][f"{config.BIN}/kubelet"]


def test_the_kubelet_takes_either_version_of_control_groups() -> None:
    """From 1.35 on it refuses v1 unless it is told not to."""
    assert False is config.kubelet_configuration(RANGES, "group")["failCgroupV1"]


def test_an_instance_keeps_its_minor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is refused with both ways out; one from before there was a choice is of the default minor."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fresh = Instance("fresh")
    assert fresh.minor() is None
    fresh.check_minor("1.33")
    assert not fresh.folder.exists()
    fresh.claim_minor("1.37")
    fresh.claim_minor("1.37")
    assert "1.37" == fresh.minor()
    refusal = (
        r"fresh was made with Kubernetes 1\.37, and 1\.33 is asked.*go on with 1\.37, or delete.*down --name fresh"
    )
    with pytest.raises(ClusterError, match=refusal):
        fresh.claim_minor("1.33")
    monkeypatch.setattr(artifacts, "build", lambda *_: pytest.fail("something was built"))
    with pytest.raises(ClusterError, match=refusal):
        Cluster("fresh", "1.33").start(quiet)

    older = Instance("older")
    older.folder.mkdir()
    (older.folder / "addresses.json").write_text("{}")
    with pytest.raises(ClusterError, match=r"made with Kubernetes 1\.33"):
        older.check_minor("1.37")


def test_a_kubeconfig_has_one_context_that_is_current() -> None:
    """Whoever uses it needs no --context."""
    made = config.kubeconfig("https://10.240.0.2:6443", "some", "CA", "CERT", "KEY")
    assert "some" == made["current-context"] == made["contexts"][0]["name"]
    assert "https://10.240.0.2:6443" == config.server_url(RANGES) == made["clusters"][0]["cluster"]["server"]


def test_dns_is_a_service_at_its_usual_address_over_both_protocols() -> None:
    """The kubelet tells every pod this address, and resolvers fall back from UDP to TCP."""
    objects = {item["kind"]: item for item in json.loads(dns.objects(RANGES))["items"]}
    spec = objects["Service"]["spec"]
    assert "10.240.16.10" == spec["clusterIP"]
    assert [(53, "UDP"), (53, "TCP")] == [(port["port"], port["protocol"]) for port in spec["ports"]]
    assert spec["selector"] == objects["Deployment"]["spec"]["template"]["metadata"]["labels"]


def test_every_binary_and_image_is_shown_to_the_node_read_only(tmp_path: Path) -> None:
    """A pod with every right on the node cannot change what other instances share."""
    binds = {bind["target"]: bind for bind in plan.render(tmp_path, RANGES, "group")["binds"]}
    in_images = {"coredns", "pause", "hello.wasm"}
    shown = {Path(target).name for target in binds if target.startswith(config.BIN)}
    assert {binary.name for binary in golang.BINARIES} - in_images == shown
    assert {f"/opt/lab/images/{image.archive.name}" for image in images.IMAGES} <= set(binds)
    writable = {target for target, bind in binds.items() if not bind["read_only"]}
    assert {*plan.DATA.values(), "/var/log/lab", "/var/lib/lab"} == writable


def test_an_image_is_imported_once_and_then_the_node_goes_on() -> None:
    """The command leaves a mark per archive, and says at the end that all are there."""
    script = config.import_images({"localhost/some:1": "/opt/lab/images/some-1-abc.tar"})[-1]
    assert "[ -e /var/lib/containerd/imported/some-1-abc.tar ] ||" in script
    assert script.endswith(f"touch {config.IMAGES_READY}")


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a/b", "a" * 41])
def test_a_name_that_cannot_name_files_and_links_is_refused(name: str) -> None:
    """The message shows the name and the rule."""
    with pytest.raises(ValueError, match="write 1 to 40 lower-case letters"):
        Instance(name)


def test_instances_of_the_same_name_in_two_caches_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Link and control group are named by the folder, and the link fits the kernel's 15 characters."""
    seen = set()
    for cache in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
        instance = Instance("a" * 40)
        seen |= {instance.interface, instance.cgroup}
        assert len(instance.interface) <= 15
    assert 4 == len(seen)


def test_answers_are_read_with_and_without_compressed_names() -> None:
    """Addresses come out of an A record whichever way its owner is written; other records are passed over."""
    question = b"\x04some\x00\x00\x01\x00\x01"
    address = b"\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\xf0\x10\x01"
    alias = b"\x00\x05\x00\x01\x00\x00\x00\x05\x00\x02\xc0\x0c"
    header = b"\x00\x01\x81\x80\x00\x01\x00\x03\x00\x00\x00\x00"
    message = header + question + b"\xc0\x0c" + alias + b"\xc0\x0c" + address + b"\x04some\x00" + address
    assert [RANGES.api_service] * 2 == dns._answers(message, 12 + len(question))
