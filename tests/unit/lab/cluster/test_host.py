"""What keeps a node from running on a machine, told all at once; and the shared files that runs meet at."""

import fcntl
import os
import queue
import threading
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.cluster import Cluster, artifacts, cgroups, golang, host, network, node
from lab.cluster.errors import ClusterError
from lab.cluster.host import HostProblem
from lab.cluster.instance import Instance
from lab.files import is_locked, locked, try_lock, write_atomically
from lab.progress import QuietProgress


def test_missing_programs_are_one_problem_with_one_command() -> None:
    """Each package is named once, however many of its programs are missing; apt's command only where there is apt."""
    tools = {"unshare": "util-linux", "setsid": "util-linux", "ip": "iproute2", "stat": "coreutils"}
    expected = HostProblem("programs are missing: unshare, setsid, ip", "apt-get install --yes iproute2 util-linux")
    assert [expected] == host.missing_tools(tools, lambda tool: tool if tool in {"stat", "apt-get"} else None)
    (problem,) = host.missing_tools(tools, lambda tool: tool if tool == "stat" else None)
    assert "this system's own package manager; Debian has them in iproute2 util-linux" in problem.remedy
    assert [] == host.missing_tools(tools, lambda tool: f"/usr/bin/{tool}")


def v1(root: Path, *controllers: str) -> Path:
    """Make what a v1 mount looks like."""
    for name in (*controllers, "unified"):
        (root / name).mkdir()
        (root / name / "cgroup.procs").touch()
    return root


def v2(root: Path, controllers: str) -> Path:
    """Make what a v2 mount looks like from the true root."""
    (root / "cgroup.controllers").write_text(controllers)
    (root / "cgroup.subtree_control").write_text("cpu")
    return root


def test_v1_controllers_may_share_a_hierarchy(tmp_path: Path) -> None:
    """`cpu,cpuacct` counts as both; the v2 tree of a mixed host is no place for pods."""
    root = v1(tmp_path, "cpu,cpuacct", "cpuset", "memory", "freezer")
    assert [] == host.cgroup_problems(root)
    assert {"cpu,cpuacct", "cpuset", "memory", "freezer"} == {path.name for path in cgroups.hierarchies(root)}


def test_a_missing_controller_is_named(tmp_path: Path) -> None:
    """Some machines boot with memory accounting off."""
    (problem,) = host.cgroup_problems(v1(tmp_path, "cpu", "cpuacct", "cpuset"))
    assert "memory" in problem.what


def test_v2_is_one_hierarchy_and_its_controllers_are_asked_for(tmp_path: Path) -> None:
    """The root is where the instance's group goes."""
    root = v2(tmp_path, "cpuset cpu io memory")
    assert [root] == cgroups.hierarchies(root)
    (problem,) = host.cgroup_problems(root)
    assert problem.what.endswith("missing: pids")


def test_a_container_s_part_of_v2_is_told_apart(tmp_path: Path) -> None:
    """Only the true root has no type; below it the remedy is how the container is started."""
    root = v2(tmp_path, "cpuset cpu memory pids")
    (root / "cgroup.type").write_text("domain")
    (problem,) = host.cgroup_problems(root)
    assert "--cgroupns=host" in problem.remedy


def test_no_control_groups_at_all(tmp_path: Path) -> None:
    """An empty mount point is a problem of its own, not a crash."""
    (problem,) = host.cgroup_problems(tmp_path)
    assert "no control groups" in problem.what


def test_a_missing_mount_point_of_control_groups(tmp_path: Path) -> None:
    """In a bare chroot there is none at all."""
    (problem,) = host.cgroup_problems(tmp_path / "missing")
    assert "no control groups" in problem.what


def test_control_groups_that_stay_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that cannot be ended keeps its group; whoever deletes must know, and not take it for gone."""
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path])
    monkeypatch.setattr(cgroups, "_SETTLES_WITHIN", 0.1)
    (tmp_path / "gone" / "pod").mkdir(parents=True)
    cgroups.remove("gone")
    assert not (tmp_path / "gone").exists()
    (tmp_path / "held" / "pod").mkdir(parents=True)
    (tmp_path / "held" / "pod" / "process").touch()
    with pytest.raises(ClusterError, match=f"cannot be removed: {tmp_path}/held;"):
        cgroups.remove("held")


def unshare(folder: Path, script: str) -> None:
    """Put an `unshare` into `folder`, the only place to find one."""
    program = folder / "unshare"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("unshare: cannot change root filesystem propagation: Invalid argument", "mount --bind"),
        ("RTNETLINK answers: Operation not supported", "modprobe veth"),
    ],
)
def test_the_kernel_s_refusal_has_its_own_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: str
) -> None:
    """In a chroot no module is missing, but its root is no mount point."""
    unshare(tmp_path, f"echo '{said}' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (problem,) = host._kernel()
    assert said in problem.what
    assert expected in problem.remedy


@pytest.mark.parametrize(("code", "expected"), [(0, "overlayfs"), (1, "native")])
def test_where_overlays_cannot_be_kept_images_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, expected: str
) -> None:
    """It is tried out on the disk in use, in a folder that goes away."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "cluster").mkdir()
    unshare(tmp_path / "bin", f"pwd > {tmp_path / 'where'}; exit {code}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert expected == node._host(tmp_path / "cluster").snapshotter
    assert Path((tmp_path / "where").read_text()).parent == tmp_path / "cluster"
    assert [] == list((tmp_path / "cluster").iterdir())


def test_nothing_is_removed_while_something_is_mounted_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel writes a blank in a path as its octal number; removal would reach through the mount."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "my cache"))
    instance = Instance("one")
    instance.folder.mkdir(parents=True)
    mounts = tmp_path / "mountinfo"
    point = str(instance.folder / "root").replace(" ", "\\040")
    mounts.write_text(f"36 35 98:0 / {point} rw,noatime master:1 - ext4 /dev/root rw\n")
    monkeypatch.setattr(node, "_MOUNTS", mounts)
    with pytest.raises(ClusterError, match=f"unmount {instance.folder}/root"):
        node.remove_folder(instance)
    assert instance.folder.exists()
    mounts.write_text("")
    node.remove_folder(instance)
    assert not instance.folder.exists()


def test_capabilities_are_read_from_the_kernel_s_words() -> None:
    """The effective set counts, not the bounding one."""
    assert 0x200000 == host.effective_capabilities("Name:\tx\nCapEff:\t0000000000200000\nCapBnd:\t000001ffffffffff\n")


@pytest.fixture
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this a machine that nothing is wrong with and nothing built on; return its (v1) control groups."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cgroup").mkdir()
    root = v1(tmp_path / "cgroup", "cpu,cpuacct", "cpuset", "memory")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "effective_capabilities", lambda _: -1)
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100 * 2**30))
    monkeypatch.setattr(host, "KEYRINGS", (tmp_path,))
    monkeypatch.setattr(golang, "toolchain", lambda _minor: Path("/usr/bin/go"))
    monkeypatch.setattr(cgroups, "ROOT", root)
    monkeypatch.setattr(network, "host_networks", list)
    for trial in ("_memory", "_kernel"):
        monkeypatch.setattr(host, trial, list)
    assert [] == host.check_host()
    return root


@pytest.mark.usefixtures("fit")
def test_arm64_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs, packages and images are made for the machine at hand."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert [] == host.check_host()


def test_cgroup_v2_alone_is_no_problem(fit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tree with every controller that pods need is as good as several."""
    monkeypatch.setattr(cgroups, "ROOT", v2(fit, "cpuset cpu io memory pids"))
    assert [] == host.check_host()


@pytest.mark.usefixtures("fit")
@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "riscv64")])
def test_another_platform_is_one_problem(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    """There nothing else is looked at, and the remedy is another cluster."""
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (problem,) = host.check_host()
    assert f"this is {system} on {machine}" in problem.what
    assert "Docker or Podman" in problem.remedy


@pytest.mark.usefixtures("fit")
def test_a_user_is_told_to_be_root_before_anything_else_of_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root, single capabilities are no news; who cannot be root has the simulated cluster."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host, "effective_capabilities", lambda _: 0)
    (problem,) = host.check_host()
    assert "need root" in problem.what
    assert "(sudo), or" in problem.remedy
    assert "make set KEY=cluster VALUE=simulated" in problem.remedy


@pytest.mark.usefixtures("fit")
def test_a_machine_without_apt_is_not_told_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's packages cannot be had there: one problem, and no word of their keys."""
    monkeypatch.setattr("shutil.which", lambda program: None if program in {"apt-get", "dpkg", "dpkg-deb"} else program)
    monkeypatch.setattr(host, "KEYRINGS", ())
    (problem,) = host.check_host()
    assert "made of Debian packages, and this machine has no apt-get, dpkg, dpkg-deb" in problem.what
    assert "Debian-like Linux" in problem.remedy
    assert "apt-get install" not in problem.remedy


@pytest.mark.usefixtures("fit")
@pytest.mark.parametrize(
    ("built", "asked", "expected"),
    [
        ([], "1.33", "9 are needed to build the node"),
        (["1.33"], "1.37", "5 are needed to build Kubernetes 1.37"),
        (["1.33"], "1.33", "2 are needed to run it"),
    ],
)
def test_a_full_disk_is_told_with_what_is_needed_for_what(
    monkeypatch: pytest.MonkeyPatch, built: list[str], asked: str, expected: str
) -> None:
    """What is built already needs no more room."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=3 * 2**29))
    monkeypatch.setattr(artifacts, "is_built", lambda minor="1.33": minor in built)
    (problem,) = host.check_host(asked)
    assert f"has 1.5 GiB free; {expected}" in problem.what
    assert "XDG_CACHE_HOME" in problem.remedy


@pytest.mark.usefixtures("fit")
def test_a_machine_whose_routes_cover_every_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind some VPNs: the ranges are named, and what may be ended."""
    taken = [IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "198.18.0.0/15")]
    monkeypatch.setattr(network, "host_networks", lambda: taken)
    (problem,) = host.check_host()
    assert "10.100-240.0.0/16, 172.16-31.0.0/16 and 198.18-19.0.0/16" in problem.what
    assert "VPN" in problem.remedy


@pytest.mark.usefixtures("fit")
def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second run tells of the next thing; the kernel alone is not tried without the rights to."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(host, "_kernel", lambda: pytest.fail("tried without rights"))
    whats = [problem.what for problem in host.check_host()]
    expected = ["need root", "programs are missing", "Debian packages", "0.0 GiB free"]
    assert 4 == len(whats)
    assert all(words in what for words, what in zip(expected, whats, strict=True))


def test_a_file_is_whole_and_private_or_untouched(tmp_path: Path) -> None:
    """The mode is the asked one, missing folders are made, and a failed write leaves the old content alone."""
    file = tmp_path / "deep" / "file"
    write_atomically(file, "old", 0o600)
    assert ("old", 0o600) == (file.read_text(), file.stat().st_mode & 0o777)
    with pytest.raises(TypeError):
        write_atomically(file, 3)  # type: ignore[arg-type]
    assert "old" == file.read_text()
    assert [file] == list(file.parent.iterdir())


def test_a_lock_is_held_once_and_ends_with_its_descriptor(tmp_path: Path) -> None:
    """Another taker gets none until the first lets go."""
    first = try_lock(tmp_path / "lock")
    assert first is not None
    assert try_lock(tmp_path / "lock") is None
    os.close(first)
    second = try_lock(tmp_path / "lock")
    assert second is not None
    os.close(second)


def test_asking_for_a_lock_does_not_make_another_be_refused(tmp_path: Path) -> None:
    """Two may ask at once and neither sees the other; who takes the lock outlasts a question."""
    path = tmp_path / "lock"
    assert not is_locked(path)
    path.touch()
    question = os.open(path, os.O_RDONLY)
    fcntl.flock(question, fcntl.LOCK_SH)
    assert not is_locked(path)
    threading.Timer(0.05, os.close, [question]).start()
    taken = try_lock(path, within=10)
    assert taken is not None
    assert is_locked(path)
    os.close(taken)
    assert not is_locked(path)


@pytest.mark.parametrize("work", ["stop", "delete"])
def test_who_waits_for_another_start_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str) -> None:
    """A start may take a minute; a stop or delete that waits for it without a word looks hung."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cluster, said = Cluster("one"), queue.Queue[str]()

    class Listening(QuietProgress):
        """A progress that keeps the notes."""

        def note(self, text: str) -> None:
            """Keep the note."""
            said.put(text)

    starting = try_lock(Instance("one").work_lock)
    assert starting is not None
    waiter = threading.Thread(target=getattr(cluster, work), args=(Listening(),))
    waiter.start()
    assert "cluster one is being worked on; waiting" == said.get(timeout=5)
    os.close(starting)
    waiter.join(5)
    assert not waiter.is_alive()
    assert said.empty()


def test_a_waiter_says_so_and_does_not_take_a_removed_lock(tmp_path: Path) -> None:
    """The holder may remove the file; who waited then locks the new one, so that two never hold it."""
    path, said, held = tmp_path / "lock", threading.Event(), threading.Event()

    def wait_for_it() -> None:
        with locked(path, said.set):
            assert try_lock(path) is None
            held.set()

    with locked(path, lambda: pytest.fail("nobody else has it")):
        waiter = threading.Thread(target=wait_for_it)
        waiter.start()
        assert said.wait(5)
        assert not held.is_set()
        path.unlink()
    waiter.join(5)
    assert held.is_set()
