"""What the components of a simulated cluster are told: the node's flags, at places that a user may have."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from lab.cluster import config as node_config
from lab.simulated import config, nodes
from lab.simulated.instance import Ports

FOLDER = Path("/home/some/.cache/kubernetes-emerging/simulated/dev")
PORTS = Ports(api=1001, etcd=1002, peer=1003, kubelet=1004)


def commands(minor: str = "1.33") -> dict[str, list[str]]:
    """Return the command lines by component."""
    return {found["name"]: found["command"] for found in config.components(FOLDER, PORTS, minor)}


def test_everything_lies_in_the_instance_s_folder() -> None:
    """No path of the node's own root is left, and no folder of the machine is named but those of the cache."""
    for command in commands().values():
        for word in command[1:]:
            paths = re.findall(r"(?<![:/\w])/[a-z][\w./-]*", word.partition("=")[2])
            assert all(path.startswith(str(FOLDER)) for path in paths), word
        assert command[0].startswith("/")
        assert "/opt/lab" not in command[0]


def test_nothing_listens_beyond_the_loopback_address() -> None:
    """Every address that is bound is 127.0.0.1, and each port is one of the instance's."""
    told = commands()
    assert "--bind-address=127.0.0.1" in told["kube-apiserver"]
    assert "--secure-port=1001" in told["kube-apiserver"]
    assert "--listen-client-urls=https://127.0.0.1:1002" in told["etcd"]
    assert "--listen-peer-urls=https://127.0.0.1:1003" in told["etcd"]
    assert "--server-address=127.0.0.1:1004" in told["kwok"]
    for name in ("kube-controller-manager", "kube-scheduler"):
        assert "--secure-port=0" in told[name]
    assert not [word for command in told.values() for word in command if "0.0.0.0" in word]  # noqa: S104


def test_each_port_of_etcd_asks_for_a_certificate() -> None:
    """Other users of the machine reach the ports, unlike a node's."""
    told = commands()["etcd"]
    for word in ("--client-cert-auth=true", "--peer-client-cert-auth=true"):
        assert word in told
    for name in ("trusted-ca-file", "cert-file", "key-file", "peer-trusted-ca-file", "peer-cert-file", "peer-key-file"):
        assert [word for word in told if word.startswith(f"--{name}={FOLDER}/etc/pki/etcd")], name


def test_the_rest_is_as_on_a_node() -> None:
    """Admission, authorization and whatever else makes a cluster behave are the same flags, and none is lost."""
    own = {"bind-address", "secure-port", "etcd-servers", "kubelet-preferred-address-types"}
    for theirs in node_config.apiserver(config.RANGES)[1:]:
        if theirs.partition("=")[0].removeprefix("--") not in own:
            assert theirs.replace("/etc/kubernetes", f"{FOLDER}/etc") in commands()["kube-apiserver"]
    assert "--unsafe-no-fsync" in commands()["etcd"]
    assert "--authorization-mode=Node,RBAC" in commands()["kube-apiserver"]


def test_components_start_after_what_they_talk_to() -> None:
    """The store, then the API server, then those that work through it."""
    needs = {found["name"]: found["needs"] for found in config.components(FOLDER, PORTS, "1.33")}
    assert [] == needs.pop("etcd")
    assert ["tcp:1002"] == needs.pop("kube-apiserver")
    assert [["tcp:1001"]] * 3 == list(needs.values())
    assert set(config.PROGRAMS) == set(commands())
    assert all(Path(command[0]).name == name for name, command in commands().items())


def test_each_minor_has_programs_of_its_own() -> None:
    """Kubernetes is another; what is not part of it is the same."""
    one, other = commands("1.33"), commands("1.37")
    assert {"etcd", "kwok"} == {name for name in one if one[name][0] == other[name][0]}
    assert [command[1:] for command in one.values()] == [command[1:] for command in other.values()]


def documents() -> list[Any]:
    """Return kwok's configuration, read."""
    return list(yaml.safe_load_all(nodes.kwok_configuration(Path("/some/pods.log"))))


def test_the_stages_play_what_the_lab_needs() -> None:
    """Nodes become Ready; pods run, complete in Jobs, and are deleted; each log is the same line."""
    stages = {found["metadata"]["name"]: found["spec"] for found in documents() if found["kind"] == "Stage"}
    assert ["node-ready", "pod-running", "pod-complete", "pod-delete"] == list(stages)
    assert all("selector" in spec and "steps" in spec for spec in stages.values())
    logs = [found["spec"]["logs"] for found in documents() if found["kind"] == "ClusterLogs"]
    assert [[{"logsFile": "/some/pods.log", "previousLogsFile": "/some/pods.log"}]] == logs
    assert re.fullmatch(r"\S+Z stdout F .*simulated.*\n", nodes.log_content())


def test_nodes_say_what_they_are() -> None:
    """They carry kwok's mark, a role that people see, and the control plane's own version."""
    found = nodes.manifests(config.RANGES, "1.33.13")
    assert ["simulated-1", "simulated-2"] == [each["metadata"]["name"] for each in found]
    for each in found:
        assert "fake" == each["metadata"]["annotations"]["kwok.x-k8s.io/node"]
        assert "v1.33.13" == each["metadata"]["annotations"]["kubernetes-emerging/version"]
        assert "node-role.kubernetes.io/simulated" in each["metadata"]["labels"]
        assert "linux" == each["metadata"]["labels"]["kubernetes.io/os"]
    assert 2 == len({each["metadata"]["annotations"]["kubernetes-emerging/address"] for each in found})
    assert json.dumps(found)
