"""The commands' order of work, on doubles of cluster and engine."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from lab import commands, views
from lab.errors import Exit, LabError, RefusedError
from lab.lock import lock_file, locked
from lab.naming import instance_of
from lab.record import read_record
from tests.unit.lab.doubles import DEPLOYED, ProblemDouble, SummaryDouble, WorldDouble, lab_on


@pytest.fixture
def world(tmp_path: Path) -> WorldDouble:
    """Return a machine on which nothing was done yet."""
    return WorldDouble(tmp_path, answers=DEPLOYED)


def test_first_up_checks_starts_records_and_deploys(world: WorldDouble) -> None:
    """The first `up` does everything, in this order, and leaves the record that Target reads."""
    lab, _ = lab_on(world)

    commands.up(lab)

    record = read_record(lab.dir)
    assert ["check host for kind", "check host for node", "start cluster", "engine up"] == world.diary
    assert record is not None
    assert (instance_of(lab.root, "dev"), "uid-1", "lab", "node", "lab") == (
        record.name,
        record.cluster_id,
        record.engine,
        record.cluster,
        record.platform,
    )
    assert str(world.kubeconfig) == record.kubeconfig


def test_second_up_changes_nothing_and_says_so(world: WorldDouble) -> None:
    """With the cluster up there is nothing to check, build or start; the engine finds nothing to change."""
    lab, printed = lab_on(world)
    commands.up(lab)
    world.diary.clear()
    world.summary = SummaryDouble(changes=False)

    commands.up(lab)

    assert ["look after cluster", "engine up"] == world.diary
    assert "No changes" in printed.getvalue()


def test_up_names_everything_that_the_host_lacks_and_touches_nothing(world: WorldDouble) -> None:
    """All problems come at once, each with its remedy, before anything is built."""
    lab, _ = lab_on(world)
    world.problems = [ProblemDouble("no root", "use sudo"), ProblemDouble("no space", "free 6 GB")]

    with pytest.raises(RefusedError) as refused:
        commands.up(lab)

    assert [f"check host for {kind}" for kind in ("kind", "node", "simulated")] == world.diary
    texts = ("no root", "use sudo", "no space", "free 6 GB", "kind cannot be had", "simulated cannot be had")
    assert [] == [text for text in texts if text not in str(refused.value)]
    assert read_record(lab.dir) is None


@pytest.mark.parametrize("stop", ["check host for kind", "check host for node", "start cluster", "engine up"])
def test_up_stopped_anywhere_goes_on_with_the_same_command(world: WorldDouble, stop: str) -> None:
    """After Ctrl-C in any step the next `up` reaches the end."""
    lab, _ = lab_on(world)
    world.interrupt_at = stop
    with pytest.raises(KeyboardInterrupt):
        commands.up(lab)

    world.interrupt_at = None
    commands.up(lab)

    assert "engine up" == world.diary[-1]
    assert read_record(lab.dir) is not None


def test_failed_deployment_fails_the_command(world: WorldDouble) -> None:
    """A run that the engine did not finish is an error with exit code 1."""
    lab, _ = lab_on(world)
    world.summary = SummaryDouble(ok=False)

    with pytest.raises(LabError) as failed:
        commands.up(lab)

    assert Exit.FAILED == failed.value.code


@pytest.mark.parametrize("command", [commands.up, commands.preview])
def test_run_that_was_stopped_by_a_signal_is_an_interruption(world: WorldDouble, command: commands.Command) -> None:
    """The engine lets its steps in flight end after Ctrl-C and returns; that is no failure."""
    lab, _ = lab_on(world)
    commands.up(lab)
    world.summary = SummaryDouble(ok=False, cancelled=True)

    with pytest.raises(KeyboardInterrupt):
        command(lab)


def test_state_of_a_lost_cluster_is_not_taken_for_the_new_one(world: WorldDouble) -> None:
    """When the cluster came back as another one, the old state is dropped before the engine runs."""
    lab, _ = lab_on(world)
    commands.up(lab)
    (lab.state / "state.db").write_text("objects of uid-1")
    world.runs, world.cluster_id = False, "uid-2"

    commands.up(lab)

    record = read_record(lab.dir)
    assert "" == (lab.state / "state.db").read_text()
    assert record is not None
    assert "uid-2" == record.cluster_id


def test_state_stays_while_the_cluster_is_the_same(world: WorldDouble) -> None:
    """A restart of the same cluster keeps the stack's state."""
    lab, _ = lab_on(world)
    commands.up(lab)
    (lab.state / "state.db").write_text("objects of uid-1")
    world.runs = False

    commands.up(lab)

    assert "objects of uid-1" == (lab.state / "state.db").read_text()


@pytest.mark.parametrize("config", ["kubeconfig: /k", "context: prod", "cluster: kubeconfig"])
@pytest.mark.parametrize("command", [commands.up, commands.preview])
def test_cluster_of_somebody_else_needs_the_official_cli(
    world: WorldDouble, config: str, command: commands.Command
) -> None:
    """A stack that names its own cluster is refused, with the way to the official CLI."""
    lab, _ = lab_on(world)
    key, _, value = config.partition(": ")
    (lab.root / "Pulumi.dev.yaml").write_text(f"config:\n  kubernetes-emerging:{key}: {value}\n")

    with pytest.raises(RefusedError, match=rf"kubernetes-emerging:{key}(?s:.*)https://www.pulumi.com/docs/install/"):
        command(lab)

    assert [] == world.diary


def test_cluster_auto_is_the_labs_own(world: WorldDouble) -> None:
    """`cluster: auto` means the lab's cluster, and `up` goes on."""
    lab, _ = lab_on(world)
    (lab.root / "Pulumi.dev.yaml").write_text("config:\n  kubernetes-emerging:cluster: auto\n")

    commands.up(lab)

    assert "engine up" == world.diary[-1]


def test_preview_without_a_cluster_points_to_up(world: WorldDouble) -> None:
    """There is nothing to compare with: exit code 2 and the command to run."""
    lab, _ = lab_on(world, "blue")

    with pytest.raises(RefusedError, match=r"make up STACK=blue"):
        commands.preview(lab)

    assert [] == world.diary


def test_preview_runs_the_engine_and_fails_with_it(world: WorldDouble) -> None:
    """A preview with errors is a failed command."""
    lab, _ = lab_on(world)
    commands.up(lab)
    commands.preview(lab)
    world.summary = SummaryDouble(ok=False)

    with pytest.raises(LabError):
        commands.preview(lab)

    assert ["engine preview", "engine preview"] == world.diary[-2:]


def test_preview_needs_an_up_that_got_to_its_record(world: WorldDouble) -> None:
    """A cluster that runs without a record is one whose `up` was killed: preview writes nothing and names it."""
    lab, _ = lab_on(world)
    world.runs = True

    with pytest.raises(RefusedError, match="make up"):
        commands.preview(lab)

    assert [] == world.diary


def test_a_moved_folder_keeps_its_cluster_and_a_copy_gets_its_own(world: WorldDouble) -> None:
    """The record goes with the folder; where the folder it names still has it, this one is a copy."""
    lab, _ = lab_on(world)
    commands.up(lab)
    name = world.name
    moved = replace(lab, root=lab.root.rename(lab.root.parent / "elsewhere"))
    assert name == moved.instance

    commands.up(moved)
    copied = replace(moved, root=Path(shutil.copytree(moved.root, lab.root.parent / "copy")))
    assert name == moved.instance
    assert name != copied.instance


@pytest.mark.parametrize("command", [partial(commands.down, yes=True, ask=None), views.status])
def test_a_cluster_of_somebody_else_is_neither_removed_nor_missed(
    world: WorldDouble, command: commands.Command
) -> None:
    """`down` and `status` of a stack that names another cluster say whose business it is."""
    lab, _ = lab_on(world, "prod")
    (lab.root / "Pulumi.prod.yaml").write_text("config:\n  kubernetes-emerging:kubeconfig: /k\n")

    with pytest.raises(RefusedError, match="official Pulumi CLI"):
        command(lab)

    assert [] == world.diary


def test_second_command_is_told_who_works_on_the_stack(world: WorldDouble) -> None:
    """Two commands on one stack do not race: the second names the first and its process."""
    lab, _ = lab_on(world)

    with locked(lab.dir, "make up"), pytest.raises(RefusedError, match=r"`make up` works on stack 'dev'.*process \d+"):
        commands.up(lab)

    assert [] == world.diary


def test_down_removes_stack_then_cluster_then_every_file(world: WorldDouble) -> None:
    """`down` destroys through the engine, deletes the cluster, and leaves nothing in the project."""
    lab, _ = lab_on(world)
    commands.up(lab)
    world.diary.clear()

    commands.down(lab, yes=False, ask=None)

    assert ["engine destroy", "delete cluster"] == world.diary
    assert not lab.dir.parent.exists()


def test_down_with_a_dead_cluster_still_cleans_up(world: WorldDouble) -> None:
    """Without a running cluster the engine is left out, and everything else goes."""
    lab, _ = lab_on(world)
    commands.up(lab)
    world.diary.clear()
    world.runs = False

    commands.down(lab, yes=False, ask=None)

    assert ["delete cluster"] == world.diary
    assert not lab.dir.exists()


def test_down_with_a_cluster_that_does_not_answer_still_cleans_up(world: WorldDouble) -> None:
    """Processes that run but do not answer count as dead."""
    lab, _ = lab_on(world)
    commands.up(lab)
    world.diary.clear()
    world.answers = None

    commands.down(lab, yes=False, ask=None)

    assert ["delete cluster"] == world.diary
    assert not lab.dir.exists()


def test_down_keeps_the_cluster_of_a_stack_that_could_not_be_removed(world: WorldDouble) -> None:
    """What is protected in the stack is not lost with its cluster."""
    lab, _ = lab_on(world)
    commands.up(lab)
    world.diary.clear()
    world.summary = SummaryDouble(ok=False)

    with pytest.raises(LabError, match="its cluster stays"):
        commands.down(lab, yes=False, ask=None)

    assert ["engine destroy"] == world.diary
    assert read_record(lab.dir) is not None


def test_down_where_nothing_is_cleans_up_all_the_same(world: WorldDouble) -> None:
    """A half-made cluster of a killed first `up` goes too, though nothing was recorded."""
    lab, _ = lab_on(world)

    commands.down(lab, yes=False, ask=None)

    assert ["delete cluster"] * 3 == world.diary  # of each kind that `up` may have begun
    assert not lock_file(lab.dir).exists()


def test_killed_down_is_finished_by_the_next_one(world: WorldDouble) -> None:
    """The record outlives the cluster's removal, so that a second `down` knows what is left."""
    lab, _ = lab_on(world)
    commands.up(lab)
    world.interrupt_at = "delete cluster"
    with pytest.raises(KeyboardInterrupt):
        commands.down(lab, yes=False, ask=None)
    kept = read_record(lab.dir)

    world.interrupt_at = None
    commands.down(lab, yes=False, ask=None)

    assert kept is not None
    assert not lab.dir.exists()


def test_down_asks_on_any_other_stack_and_no_means_no(world: WorldDouble) -> None:
    """The question names the stack; a no changes nothing."""
    lab, _ = lab_on(world, "blue")
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(RefusedError, match="Nothing was changed"):
        commands.down(lab, yes=False, ask=no)

    assert ["Remove stack 'blue' with everything in it, and its cluster?"] == asked
    assert [] == world.diary


def test_down_without_anybody_to_ask_is_refused_on_any_other_stack(world: WorldDouble) -> None:
    """No terminal and no YES=1: exit code 2."""
    lab, _ = lab_on(world, "blue")

    with pytest.raises(RefusedError, match="YES=1") as refused:
        commands.down(lab, yes=False, ask=None)

    assert Exit.REFUSED == refused.value.code
    assert [] == world.diary


def test_down_on_another_stack_goes_on_with_yes_or_an_answer(world: WorldDouble) -> None:
    """YES=1 stands for the answer, and so does a yes."""
    lab, _ = lab_on(world, "blue")

    commands.down(lab, yes=True, ask=None)
    commands.down(lab, yes=False, ask=lambda _: True)

    assert {"delete cluster"} == set(world.diary)


def test_status_of_nothing_says_how_to_begin(world: WorldDouble) -> None:
    """No cluster is an answer of `status`, not an error."""
    lab, printed = lab_on(world)

    views.status(lab)

    assert "make up" in printed.getvalue()
    assert [] == world.diary


def test_status_of_a_stopped_cluster_says_so(world: WorldDouble) -> None:
    """A stopped cluster is told from none."""
    lab, printed = lab_on(world)
    commands.up(lab)
    world.runs = False
    printed.truncate(0)

    views.status(lab)

    assert "stopped" in printed.getvalue()


def test_status_shows_cluster_node_workloads_and_steps(world: WorldDouble) -> None:
    """Everything that runs is there, and how to reach it."""
    lab, printed = lab_on(world)
    commands.up(lab)
    printed.truncate(0)

    views.status(lab)

    shown = printed.getvalue()
    assert [] == [
        text
        for text in ("v1.33.13", "Ready", "containerd://2.1.9", "sidecar-demo", "http://10.96.7.8:80/", "make down")
        if text not in shown
    ]


def test_status_of_a_cluster_that_does_not_answer_fails_with_the_way_out(world: WorldDouble) -> None:
    """A hung API server is told, with what to do."""
    lab, printed = lab_on(world)
    commands.up(lab)
    world.answers = None

    with pytest.raises(LabError, match="make down"):
        views.status(lab)

    assert "does not answer" in printed.getvalue()


def test_kubeconfig_is_the_clusters(world: WorldDouble) -> None:
    """After `up` it is the path in the record."""
    lab, _ = lab_on(world)
    commands.up(lab)

    assert world.kubeconfig == views.kubeconfig(lab)


def test_kubeconfig_of_the_config_comes_first(world: WorldDouble) -> None:
    """A kubeconfig named in the stack's config is the one in use."""
    lab, _ = lab_on(world)
    (lab.root / "Pulumi.dev.yaml").write_text("config:\n  kubernetes-emerging:kubeconfig: /elsewhere/config\n")

    assert Path("/elsewhere/config") == views.kubeconfig(lab)


def test_kubeconfig_that_is_no_file_cannot_be_named(world: WorldDouble) -> None:
    """The config may hold a kubeconfig's content; then there is no path to print, and no content either."""
    lab, _ = lab_on(world)
    (lab.root / "Pulumi.dev.yaml").write_text(
        "config:\n  kubernetes-emerging:kubeconfig: |\n    token: hush\n    a: b\n"
    )

    with pytest.raises(RefusedError, match="no file to name") as refused:
        views.kubeconfig(lab)

    assert "hush" not in str(refused.value)


def test_kubeconfig_and_outputs_before_up_are_refused(world: WorldDouble) -> None:
    """There is nothing to print yet, and the message says what to run."""
    lab, _ = lab_on(world)

    for command in (views.kubeconfig, views.outputs):
        with pytest.raises(RefusedError, match="make up"):
            command(lab)


def test_outputs_are_json_without_secrets(world: WorldDouble) -> None:
    """Secrets are not asked for."""
    lab, _ = lab_on(world)
    commands.up(lab)

    assert '{\n  "namespace": "kubernetes-emerging-dev",\n  "secrets": false\n}' == views.outputs(lab)


def test_refresh_reads_and_fails_with_the_engine(world: WorldDouble) -> None:
    """It needs a running cluster, as a preview does, and a failed one is a failed command."""
    lab, _ = lab_on(world)
    with pytest.raises(RefusedError, match="make up"):
        commands.refresh(lab)
    commands.up(lab)
    commands.refresh(lab)
    assert "engine refresh" == world.diary[-1]
    world.summary = SummaryDouble(ok=False)
    with pytest.raises(LabError, match="cluster was not changed"):
        commands.refresh(lab)


def test_clean_is_refused_while_a_stack_is_up(world: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each such stack is named with the command that takes it down; the build cache stays while others use it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(world.folder / "cache"))
    lab, printed = lab_on(world)
    commands.up(lab)
    with pytest.raises(RefusedError, match="make down STACK=dev"):
        commands.clean(lab, cache=True)
    commands.down(lab, yes=True, ask=None)

    other = world.folder / "cache" / "kubernetes-emerging" / "clusters" / "of-another"
    other.mkdir(parents=True)
    with pytest.raises(RefusedError, match="of-another"):
        commands.clean(lab, cache=True)
    assert other.exists()
    other.rmdir()
    commands.clean(lab, cache=True)
    assert not (world.folder / "cache" / "kubernetes-emerging").exists()
    assert "is empty" in printed.getvalue()


def test_clean_removes_the_projects_own_folder(world: WorldDouble) -> None:
    """Left-overs in `.lab/` go where no stack is up."""
    lab, _ = lab_on(world)
    lab.dir.mkdir(parents=True)
    commands.clean(lab, cache=False)
    assert not lab.dir.parent.exists()


def put_kubectl(world: WorldDouble, text: str) -> Path:
    """Let the cluster's kubectl be a program that notes its words, and return the notes."""
    program = world.folder / "kubectl"
    program.write_text(f'#!/bin/sh\necho "$*" >> {world.folder}/asked\n{text}\n')
    program.chmod(0o755)
    return world.folder / "asked"


@pytest.mark.parametrize(("follow", "word"), [(False, "--tail=20"), (True, "--follow")])
def test_logs_are_asked_for_by_each_workloads_selector(world: WorldDouble, follow: bool, word: str) -> None:
    """All containers of every Deployment, with a prefix; kubectl's worst exit code is the command's."""
    lab, _ = lab_on(world)
    commands.up(lab)
    asked = put_kubectl(world, 'case "$*" in *sidecar*) exit 3;; esac')
    assert 3 == views.logs(lab, follow=follow)
    lines = sorted(asked.read_text().splitlines())
    assert ["app=inplace-update-demo", "app=sidecar-demo"] == [line.rpartition("--selector=")[2] for line in lines]
    assert all(f"--kubeconfig {world.kubeconfig}" in line and word in line for line in lines)
    assert all("--all-containers --prefix" in line for line in lines)


def test_logs_of_what_does_not_run_are_refused(world: WorldDouble) -> None:
    """Without a stack, without a cluster, without pods that run anything."""
    lab, _ = lab_on(world)
    with pytest.raises(RefusedError, match="make up"):
        views.logs(lab, follow=False)
    commands.up(lab)
    world.answers = {}
    with pytest.raises(RefusedError, match="Nothing runs"):
        views.logs(lab, follow=False)
    world.runs = False
    with pytest.raises(RefusedError, match="no running cluster"):
        views.logs(lab, follow=False)
