"""Which engine and which cluster: chosen once, recorded, kept to; on doubles of the machine and of the official CLI."""

import json
from pathlib import Path

import pytest

from lab import commands, views
from lab.errors import LabError, RefusedError
from lab.official import Cli
from lab.record import read_record
from lab.stack import Lab
from tests.unit.lab.doubles import DEPLOYED, WorldDouble, diary, lab_on
from tests.unit.lab.official.doubles import environments, put_on_path

GIVEN = "config:\n  kubernetes-emerging:kubeconfig: {path}\n"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorldDouble:
    """Return a machine on which nothing was done yet."""
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "LAB_ENGINE"):
        monkeypatch.delenv(name, raising=False)
    return WorldDouble(tmp_path, answers=DEPLOYED)


@pytest.fixture
def pulumi(world: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> WorldDouble:
    """Return a machine with the official CLI's double on PATH."""
    put_on_path(world.folder / "bin")
    monkeypatch.setenv("PATH", f"{world.folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("WORLD", str(world.folder))
    root = world.folder / "project"
    root.mkdir()
    (root / "Pulumi.yaml").write_text('name: kubernetes-emerging\nrequiredPulumiVersion: ">=3.238.0"\n')
    world.cli = Cli(world.folder / "bin" / "pulumi", root)
    return world


def configure(lab: Lab, **keys: str) -> None:
    """Write the stack's config."""
    lines = "".join(f"  kubernetes-emerging:{key}: {value}\n" for key, value in keys.items())
    (lab.root / f"Pulumi.{lab.stack}.yaml").write_text(f"config:\n{lines}")


def recorded(lab: Lab) -> tuple[str, str, str, str]:
    """Return engine, backend, cluster and platform of the record."""
    record = read_record(lab.dir)
    assert record is not None
    return record.engine, record.backend, record.cluster, record.platform


@pytest.mark.parametrize(
    ("works", "expected", "platform"),
    [
        (("kind", "node", "simulated"), "kind", "kind"),
        (("node", "simulated"), "node", "lab"),
        (("simulated",), "simulated", "lab"),
    ],
)
def test_auto_takes_the_most_real_cluster_that_works_here(
    world: WorldDouble, works: tuple[str, ...], expected: str, platform: str
) -> None:
    """Kind first, then a node of the lab's own, then simulated nodes."""
    world.works = works
    lab, _ = lab_on(world)
    commands.up(lab)
    assert ("lab", "", expected, platform) == recorded(lab)
    assert expected == world.kind


def test_a_cluster_that_is_named_is_the_only_one_tried(world: WorldDouble) -> None:
    """Where it cannot be had, nothing else is taken in its place."""
    world.works = ("node",)
    lab, _ = lab_on(world)
    configure(lab, cluster="kind")
    with pytest.raises(RefusedError, match="kind cannot be had"):
        commands.up(lab)
    assert ["check host for kind"] == world.diary


def test_the_choice_is_kept_when_the_machine_changes(world: WorldDouble) -> None:
    """Docker appears after the first `up`: the stack stays where it is."""
    lab, _ = lab_on(world)
    commands.up(lab)
    world.works = ("kind", "node")
    world.diary.clear()
    commands.up(lab)
    assert "node" == world.kind
    assert not [line for line in world.diary if line.startswith("check")]


@pytest.mark.parametrize("keys", [{"cluster": "kind"}, {"kubeconfig": "/k"}])
def test_another_cluster_for_a_stack_that_is_up_is_refused_with_the_way(
    world: WorldDouble, keys: dict[str, str]
) -> None:
    """Moving is two steps, and the message names them."""
    lab, _ = lab_on(world)
    commands.up(lab)
    configure(lab, **keys)
    with pytest.raises(RefusedError, match=r"runs on a node of the lab's own(?s:.*)make down"):
        commands.up(lab)


def test_unknown_cluster_is_refused_with_the_known_ones(world: WorldDouble) -> None:
    """A misspelt value names what could have been meant."""
    lab, _ = lab_on(world)
    configure(lab, cluster="kindd")
    with pytest.raises(RefusedError, match=r"'kindd'; write one of auto, kind, node, simulated, kubeconfig"):
        commands.up(lab)


def test_version_that_is_not_made_is_refused_with_those_that_are(world: WorldDouble) -> None:
    """A minor without pins cannot be built; the message says which can."""
    lab, _ = lab_on(world)
    configure(lab, kubernetesVersion='"1.32"')
    with pytest.raises(RefusedError, match=r"kubernetesVersion is '1\.32'; write 1\.33 or 1\.37"):
        commands.up(lab)


def test_version_reaches_the_cluster_and_the_record(world: WorldDouble) -> None:
    """The stack's kubernetesVersion is the cluster's, and a later run without the key keeps to it."""
    lab, _ = lab_on(world)
    configure(lab, kubernetesVersion='"1.37"')
    commands.up(lab)
    configure(lab)
    commands.up(lab)
    assert "1.37" == world.minor


def test_simulated_pods_are_told_on_every_output(world: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up, preview, refresh, status and outputs say it; there are no logs, and nothing to fetch."""
    world.works = ("simulated",)
    lab, printed = lab_on(world)
    notes: list[str] = []
    monkeypatch.setattr(lab.progress, "note", notes.append)
    for command in (commands.up, commands.preview, commands.refresh, views.outputs):
        notes.clear()
        command(lab)
        assert [text for text in notes if "simulated" in text], command.__name__
    printed.truncate(0)
    views.status(lab)
    assert "simulated" in printed.getvalue()
    assert "curl" not in printed.getvalue()
    with pytest.raises(RefusedError, match="no logs"):
        views.logs(lab, follow=False)


def test_official_cli_is_used_where_it_is_there(pulumi: WorldDouble) -> None:
    """The default stack gets a backend of the project's own; engine and backend are recorded."""
    lab, printed = lab_on(pulumi)
    commands.up(lab)
    assert ("pulumi", "own", "node", "lab") == recorded(lab)
    assert "pulumi up --stack dev --yes --non-interactive" in diary(pulumi.folder)
    assert {f"url=file://{lab.dir}/backend file={lab.dir}/passphrase word=none"} == environments(pulumi.folder)
    assert 'eval "$(make -s env)"' in printed.getvalue()
    assert f"export PULUMI_BACKEND_URL=file://{lab.dir}/backend" in views.env(lab)


def test_every_command_goes_through_it(pulumi: WorldDouble) -> None:
    """Preview, refresh, outputs and down are the CLI's own; afterwards nothing is left of the stack."""
    lab, _ = lab_on(pulumi)
    commands.up(lab)
    commands.preview(lab)
    commands.refresh(lab)
    assert "[secret]" == json.loads(views.outputs(lab))["word"]
    commands.down(lab, yes=True, ask=None)
    calls = [line for line in diary(pulumi.folder) if line.split()[1] in ("preview", "refresh", "destroy", "stack")]
    for command in ("preview --stack dev", "refresh --stack dev --yes", "destroy --stack dev --yes"):
        assert f"pulumi {command} --non-interactive" in calls
    assert "pulumi stack rm --stack dev --yes --force --preserve-config" in calls
    assert "delete cluster" == pulumi.diary[-1]
    assert not lab.dir.parent.exists()


def test_a_cli_that_is_too_old_is_refused_before_anything_is_made(
    pulumi: WorldDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cluster is started for a run that cannot come to its end."""
    monkeypatch.setenv("PULUMI_DOUBLE_VERSION", "3.100.0")
    lab, _ = lab_on(pulumi)
    with pytest.raises(RefusedError, match=r"3\.100\.0"):
        commands.up(lab)
    assert not [line for line in pulumi.diary if "cluster" in line]


def test_the_labs_engine_can_be_asked_for(pulumi: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """LAB_ENGINE=lab deploys with the lab's engine though the CLI is there."""
    monkeypatch.setenv("LAB_ENGINE", "lab")
    lab, _ = lab_on(pulumi)
    commands.up(lab)
    assert ("lab", "", "node", "lab") == recorded(lab)
    assert [] == diary(pulumi.folder)
    with pytest.raises(RefusedError, match="lab's own engine"):
        views.env(lab)


@pytest.mark.parametrize(
    ("value", "text"), [("other", "write one of auto, lab, pulumi"), ("pulumi", "no `pulumi` on PATH")]
)
def test_an_engine_that_cannot_be_is_refused(
    world: WorldDouble, monkeypatch: pytest.MonkeyPatch, value: str, text: str
) -> None:
    """A misspelt engine, and one that is not installed."""
    monkeypatch.setenv("LAB_ENGINE", value)
    lab, _ = lab_on(world)
    with pytest.raises(RefusedError, match=text):
        commands.up(lab)


def test_a_stack_stays_with_the_engine_that_made_it(pulumi: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installing the CLI later moves nothing; asking for the other engine says how to move."""
    cli, pulumi.cli = pulumi.cli, None
    lab, _ = lab_on(pulumi)
    commands.up(lab)
    pulumi.cli = cli
    commands.up(lab)
    assert [] == diary(pulumi.folder)
    monkeypatch.setenv("LAB_ENGINE", "pulumi")
    with pytest.raises(RefusedError, match=r"made with the lab's own engine(?s:.*)make down"):
        commands.up(lab)


def test_a_cli_that_is_gone_is_missed_but_does_not_keep_the_cluster(pulumi: WorldDouble) -> None:
    """`up` says what is missing; `down` takes everything along with the cluster."""
    lab, _ = lab_on(pulumi)
    commands.up(lab)
    pulumi.cli = None
    with pytest.raises(RefusedError, match="not on PATH now"):
        commands.up(lab)
    commands.down(lab, yes=True, ask=None)
    assert "delete cluster" == pulumi.diary[-1]
    assert not lab.dir.exists()


def test_another_backend_in_the_environment_is_refused(pulumi: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state would be begun anew there, beside what is deployed: the message says how to move it."""
    lab, _ = lab_on(pulumi)
    commands.up(lab)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://elsewhere")
    with pytest.raises(RefusedError, match=r"own backend; .*s3://elsewhere(?s:.*)pulumi stack export"):
        commands.up(lab)


def test_a_backend_named_at_the_first_up_is_kept_to(pulumi: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """PULUMI_BACKEND_URL holds for the default stack too; without it later, the run stops."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{pulumi.folder}/mine")
    lab, _ = lab_on(pulumi)
    commands.up(lab)
    assert ("pulumi", f"file://{pulumi.folder}/mine", "node", "lab") == recorded(lab)
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    (pulumi.folder / "logged-in").touch()
    with pytest.raises(RefusedError, match=r"would now use https://app\.pulumi\.com/someone"):
        commands.up(lab)


def test_other_stacks_use_the_users_login(pulumi: WorldDouble) -> None:
    """No backend and no passphrase of the project's: nobody logged in is refused before a cluster is made."""
    lab, _ = lab_on(pulumi, "blue")
    with pytest.raises(RefusedError, match="pulumi login"):
        commands.up(lab)
    assert not [line for line in pulumi.diary if "cluster" in line]
    (pulumi.folder / "logged-in").touch()
    commands.up(lab)
    assert ("pulumi", "https://app.pulumi.com/someone", "node", "lab") == recorded(lab)
    assert {"url= file= word=none"} == environments(pulumi.folder)


class GivenDouble:
    """Stands for `lab.given.GivenCluster`."""

    uid = "uid-given"
    answers = True

    def __init__(self, kubeconfig: Path, context: str) -> None:
        self.kubeconfig, self.context, self.kubectl = kubeconfig, context, Path("kubectl")

    def running(self) -> bool:
        """Tell what it was told."""
        return self.answers

    def start(self, _progress: object) -> None:
        """Answer, or not."""
        if not self.answers:
            raise LabError("the cluster's API server does not answer")

    def delete(self) -> None:
        """Never be asked to do anything."""

    def identity(self) -> "GivenDouble":
        """Return itself."""
        return self

    @property
    def cluster_id(self) -> str:
        """The UID of kube-system."""
        return self.uid


@pytest.fixture
def given(pulumi: WorldDouble, monkeypatch: pytest.MonkeyPatch) -> tuple[Lab, type[GivenDouble]]:
    """Return a stack on somebody else's cluster, and that cluster."""
    cluster = type("GivenOfTest", (GivenDouble,), {})
    monkeypatch.setattr("lab.stack.GivenCluster", cluster)
    (pulumi.folder / "logged-in").touch()
    lab, _ = lab_on(pulumi, "prod")
    configure(lab, kubeconfig="/home/one/.kube/config", context="prod")
    return lab, cluster


def test_a_given_cluster_is_deployed_to_and_never_removed(
    given: tuple[Lab, type[GivenDouble]], pulumi: WorldDouble
) -> None:
    """Preview works before the first `up`; `down` removes the stack, and the cluster stays."""
    lab, _ = given
    commands.preview(lab)
    assert read_record(lab.dir) is None
    commands.up(lab)
    assert ("pulumi", "https://app.pulumi.com/someone", "given", "public") == recorded(lab)
    assert Path("/home/one/.kube/config") == views.kubeconfig(lab)
    commands.down(lab, yes=True, ask=None)
    assert "pulumi destroy --stack prod --yes --non-interactive" in diary(pulumi.folder)
    assert [] == pulumi.diary
    assert not lab.dir.exists()


def test_another_cluster_behind_the_same_kubeconfig_stops_every_command(given: tuple[Lab, type[GivenDouble]]) -> None:
    """The UID of kube-system tells; nothing is run."""
    lab, cluster = given
    commands.up(lab)
    cluster.uid = "uid-other"
    for command in (commands.up, commands.preview, commands.refresh):
        with pytest.raises(RefusedError, match=r"another cluster(?s:.*)uid-other, it was uid-given"):
            command(lab)
    with pytest.raises(RefusedError, match="another cluster"):
        commands.down(lab, yes=True, ask=None)
    assert read_record(lab.dir) is not None


def test_a_given_cluster_that_does_not_answer_keeps_its_stack(given: tuple[Lab, type[GivenDouble]]) -> None:
    """What is in it cannot be removed now, so nothing is forgotten."""
    lab, cluster = given
    commands.up(lab)
    cluster.answers = False
    with pytest.raises(LabError, match="does not answer"):
        commands.down(lab, yes=True, ask=None)
    assert read_record(lab.dir) is not None


@pytest.mark.parametrize(
    "config",
    [{"clusterStack": "acme/eks/prod"}, {"kindCluster": "mine"}, {"kubeconfig": '"apiVersion: v1\\nkind: Config\\n"'}],
)
def test_a_cluster_that_only_the_deployment_finds(pulumi: WorldDouble, config: dict[str, str]) -> None:
    """Every command that deploys is left to the official CLI; those that look say why they cannot."""
    (pulumi.folder / "logged-in").touch()
    lab, printed = lab_on(pulumi, "prod")
    configure(lab, **config)
    commands.preview(lab)
    commands.up(lab)
    assert ("pulumi", "https://app.pulumi.com/someone", "given", "public") == recorded(lab)
    views.status(lab)
    assert 2 == printed.getvalue().count("The cluster of stack 'prod' is found by its deployment only")
    with pytest.raises(RefusedError, match="Ask kubectl for its logs"):
        views.logs(lab, follow=False)
    with pytest.raises(RefusedError, match=r"no file to name|holds a kubeconfig itself"):
        views.kubeconfig(lab)
    commands.down(lab, yes=True, ask=None)
    assert "pulumi destroy --stack prod --yes --non-interactive" in diary(pulumi.folder)
    assert not lab.dir.exists()
