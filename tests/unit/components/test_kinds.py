"""What a SidecarWorkload registers and refuses for each kind of what keeps its pods; mocks prove no more than that."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
import yaml
from pulumi.runtime import settings

from components import InvalidArgs, ResizableStatefulSet, SidecarWorkload, SidecarWorkloadArgs
from components.model import kinds
from components.testing import CONNECTION, ClusterMocks

TYPES = {
    "Deployment": "kubernetes:apps/v1:Deployment",
    "StatefulSet": "kubernetes:apps/v1:StatefulSet",
    "DaemonSet": "kubernetes:apps/v1:DaemonSet",
    "Job": "kubernetes:batch/v1:Job",
    "CronJob": "kubernetes:batch/v1:CronJob",
}
THERE = "jsonpath={.metadata.uid}"
OBSERVED = "jsonpath={.status.observedGeneration}"
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "components.md").read_text(encoding="utf-8")


def args_of(kind: str, **more: Any) -> SidecarWorkloadArgs:
    """Return small correct arguments of a kind, with fields added."""
    sized = {"requests": {"cpu": "10m"}}
    args = {
        "connection": CONNECTION,
        "namespace": "shop",
        "kind": kind,
        "containers": [{"name": "main", "image": "main:1", "resources": sized}],
        "sidecars": [{"name": "side", "image": "side:1", "startup_probe": {"exec": {"command": ["true"]}}}],
    }
    if kind == "CronJob":
        args["cron_job"] = {"schedule": "@daily"}
    return cast(SidecarWorkloadArgs, {**args, **more})


async def made(mocks: ClusterMocks, kind: str, **more: Any) -> dict[str, Any]:
    """Register a workload and return the inputs of the object that keeps its pods."""
    workload = SidecarWorkload("app", args_of(kind, **more))
    assert await workload.ready.future()
    assert "app" == await workload.name.future()
    return mocks.inputs(TYPES[kind], "app")


@pytest.mark.parametrize("kind", list(TYPES))
@pulumi.runtime.test
async def test_every_kind_has_the_same_pods(mocks: ClusterMocks, kind: str) -> None:
    """Sidecars, secure defaults and labels; the provider's own wait is over at once, for a Job too."""
    found = await made(mocks, kind)
    spec = found["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else found["spec"]
    pod = spec["template"]["spec"]
    assert [("side", "Always")] == [(each["name"], each["restartPolicy"]) for each in pod["initContainers"]]
    assert {"app.kubernetes.io/name": "app"} == spec["template"]["metadata"]["labels"] == found["metadata"]["labels"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    ends = kind in kinds.ENDING
    assert {"pulumi.com/waitFor": THERE if ends else OBSERVED} == found["metadata"]["annotations"]
    assert ("Never" if ends else None) == pod.get("restartPolicy")
    assert ends == ("selector" not in spec)
    hooks = cast(Any, settings.get_monitor()).requests[f"{TYPES[kind]} app"].hooks
    assert (3, 0, 0) == (len(hooks.before_update), len(hooks.before_delete), len(hooks.after_delete))


@pulumi.runtime.test
async def test_a_stateful_set_is_that_of_a_resizable_one(mocks: ClusterMocks) -> None:
    """Its spec is the same, and so are its hooks."""
    own: dict[str, Any] = {
        "service_name": "app-headless",
        "pod_management_policy": "Parallel",
        "volume_claim_templates": [{"name": "data", "storage": "1Gi"}],
        "persistent_volume_claim_retention_policy": {"when_deleted": "Delete"},
    }
    found = await made(mocks, "StatefulSet", stateful_set=own, replicas=2)
    args = cast(Any, {**args_of("StatefulSet", replicas=2), **own})
    del args["kind"]
    await ResizableStatefulSet("twin", cast(Any, {**args, "name": "app"})).ready.future()

    assert mocks.inputs(TYPES["StatefulSet"], "twin")["spec"] == found["spec"]
    requests = cast(Any, settings.get_monitor()).requests
    counts = [
        (len(hooks.before_create), len(hooks.before_update))
        for hooks in (requests[f"{TYPES['StatefulSet']} {name}"].hooks for name in ("app", "twin"))
    ]
    assert [(4, 3)] * 2 == counts


@pulumi.runtime.test
async def test_a_daemon_set_and_how_its_pods_are_replaced(mocks: ClusterMocks) -> None:
    """Digits are numbers, and another selector replaces it, which the provider does not know."""
    found = await made(mocks, "DaemonSet", daemon_set={"max_unavailable": "0", "max_surge": "25%"}, min_ready_seconds=3)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}
    assert (rolling, 3) == (found["spec"]["updateStrategy"], found["spec"]["minReadySeconds"])
    request = cast(Any, settings.get_monitor()).requests[f"{TYPES['DaemonSet']} app"]
    assert (["spec.selector"], True) == (list(request.replaceOnChanges), request.deleteBeforeReplace)


@pulumi.runtime.test
async def test_a_job(mocks: ClusterMocks) -> None:
    """All but its TTL is in its spec: that it gets once it is complete, so that no failure is forgotten."""
    given = {
        "completions": 4,
        "parallelism": 2,
        "completion_mode": "Indexed",
        "backoff_limit": 1,
        "active_deadline_seconds": 60,
        "ttl_seconds_after_finished": 30,
        "restart_policy": "OnFailure",
        "suspend": True,
    }
    found = await made(mocks, "Job", job=given, restart="again")
    spec = dict(found["spec"])
    template = spec.pop("template")
    assert {
        "completions": 4,
        "parallelism": 2,
        "completionMode": "Indexed",
        "backoffLimit": 1,
        "activeDeadlineSeconds": 60,
        "suspend": True,
    } == spec
    assert "OnFailure" == template["spec"]["restartPolicy"]
    assert {"kubernetes-emerging/restart": "again"} == template["metadata"]["annotations"]
    request = cast(Any, settings.get_monitor()).requests[f"{TYPES['Job']} app"]
    assert (["spec.completionMode"], True) == (list(request.replaceOnChanges), request.deleteBeforeReplace)
    assert 4 == len(request.hooks.before_create)


@pulumi.runtime.test
async def test_a_cron_job(mocks: ClusterMocks) -> None:
    """The Jobs that it makes have all of `job`, with their TTL."""
    given = {
        "schedule": "30 2 * * 1-5",
        "time_zone": "Etc/UTC",
        "concurrency_policy": "Forbid",
        "suspend": False,
        "starting_deadline_seconds": 60,
        "successful_jobs_history_limit": 1,
        "failed_jobs_history_limit": 0,
    }
    found = await made(mocks, "CronJob", cron_job=given, job={"backoff_limit": 0, "ttl_seconds_after_finished": 30})
    spec = dict(found["spec"])
    job = spec.pop("jobTemplate")["spec"]
    assert {
        "schedule": "30 2 * * 1-5",
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "suspend": False,
        "startingDeadlineSeconds": 60,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 0,
    } == spec
    assert (0, 30) == (job["backoffLimit"], job["ttlSecondsAfterFinished"])


RESTARTING = {
    "name": "main",
    "image": "main:1",
    "resize_policy": [{"resource_name": "memory", "restart_policy": "RestartContainer"}],
}


@pytest.mark.parametrize(
    ("kind", "more", "path", "words"),
    [
        ("StatefulSet", {"name": "n" * 53}, "name", "write 52 at most"),
        ("StatefulSet", {"stateful_set": {"service_name": "No"}}, "stateful_set.service_name", "not a valid name"),
        (
            "StatefulSet",
            {"stateful_set": {"volume_claim_templates": [{"name": "d", "storage": "0Gi"}]}},
            "stateful_set.volume_claim_templates[0].storage",
            "is no room",
        ),
        ("DaemonSet", {"daemon_set": {"max_surge": "1"}}, "daemon_set.max_surge", "max_unavailable: '0'"),
        ("DaemonSet", {"daemon_set": {"max_unavailable": "0"}}, "daemon_set", "nothing could move"),
        ("DaemonSet", {"daemon_set": {"max_unavailable": "101%"}}, "daemon_set.max_unavailable", "at most 100%"),
        ("DaemonSet", {"daemon_set": {"max_unavailable": "one"}}, "daemon_set.max_unavailable", "'25%'"),
        ("DaemonSet", {"pod_spec_patch": {"restartPolicy": "Never"}}, "pod_spec_patch.restartPolicy", "is a Job"),
        ("Job", {"name": "n" * 64}, "name", "write at most 63 characters"),
        ("Job", {"job": {"restart_policy": "Always"}}, "job.restart_policy", "write Never (the default), OnFailure"),
        ("Job", {"job": {"completion_mode": "Indexed", "parallelism": 1}}, "job.completions", "how many indexes"),
        ("Job", {"job": {"backoff_limit": -1}}, "job.backoff_limit", "from 0"),
        (
            "Job",
            {"job": {"completion_mode": "Indexed", "completions": 1, "parallelism": 100001}},
            "job.parallelism",
            "at most 100000",
        ),
        ("Job", {"name": "n" * 62, "job": {"completion_mode": "Indexed"}}, "name", "write a shorter one"),
        ("Job", {"name": "a.b", "job": {"completion_mode": "Indexed", "completions": 3}}, "name", "'a.b-2'"),
        ("Job", {"containers": [RESTARTING]}, "containers[0].resize_policy[0].restart_policy", "OnFailure"),
        ("CronJob", {"name": "n" * 53}, "name", "write 52 at most"),
        ("CronJob", {"cron_job": {}}, "cron_job.schedule", "it is required"),
        ("CronJob", {"cron_job": {"schedule": "daily"}}, "cron_job.schedule", "write five fields"),
        (
            "CronJob",
            {"cron_job": {"schedule": "@daily", "concurrency_policy": "Never"}},
            "cron_job.concurrency_policy",
            "Allow (the default)",
        ),
        ("CronJob", {"cron_job": {"schedule": "@daily", "time_zone": "local"}}, "cron_job.time_zone", "Europe/Berlin"),
        ("CronJob", {"cron_job": {"schedule": "@daily", "time_zone": "../x"}}, "cron_job.time_zone", "no time zone"),
    ],
)
def test_what_the_server_would_refuse(
    mocks: ClusterMocks, kind: str, more: dict[str, Any], path: str, words: str
) -> None:
    """It is refused once, before anything is registered, where it is written and with what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        SidecarWorkload("app", args_of(kind, **more))

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


def test_all_that_does_not_fit_is_told_at_once(mocks: ClusterMocks) -> None:
    """Each by its name, with what to write for this kind."""
    with pytest.raises(InvalidArgs) as caught:
        SidecarWorkload("app", args_of("Job", replicas=3, strategy={}, stateful_set={}, in_place="required"))

    told = {problem.path: problem.remedy for problem in caught.value.problems}
    assert {"replicas", "strategy", "stateful_set", "in_place"} == set(told)
    assert "write job.completions and job.parallelism" == told["replicas"]
    assert "leave it out, or write kind: StatefulSet" == told["stateful_set"]
    assert [] == mocks.resources


def test_the_kind_and_what_belongs_to_it_have_to_be_known(mocks: ClusterMocks) -> None:
    """What decides which object there is cannot come later; the values inside may."""
    late: Any = pulumi.Output.from_input("Job")
    with pytest.raises(InvalidArgs, match="kind: it is not known before the deployment; write one of Deployment"):
        SidecarWorkload("app", {**args_of("Job"), "kind": late})
    parts: Any = pulumi.Output.from_input({"backoff_limit": 1})
    with pytest.raises(InvalidArgs, match="job: it is not known before the deployment; write it out"):
        SidecarWorkload("app", args_of("Job", job=parts))
    assert [] == mocks.resources


@pulumi.runtime.test
async def test_values_inside_may_come_later(mocks: ClusterMocks) -> None:
    """A number of a Job that is an Output reaches its spec."""
    late = pulumi.Output.from_input(3)
    found = await made(mocks, "Job", job={"backoff_limit": late, "restart_policy": pulumi.Output.from_input("Never")})
    assert (3, "Never") == (found["spec"]["backoffLimit"], found["spec"]["template"]["spec"]["restartPolicy"])


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("DaemonSet", {"template": 1}, {"template": 2}, "replaced, node by node"),
        ("DaemonSet", {"template": 1}, {"template": 1, "minReadySeconds": 3}, ""),
        ("CronJob", {"jobTemplate": 1}, {"jobTemplate": 2}, "made from now on"),
        ("CronJob", {"schedule": "@daily"}, {"schedule": "@hourly"}, ""),
        ("Job", {"backoffLimit": 1}, {"backoffLimit": 2}, "its pods stay"),
        ("Job", {"backoffLimit": 1}, {"backoffLimit": 1}, ""),
    ],
)
def test_what_a_change_means(kind: str, old: dict[str, Any], new: dict[str, Any], words: str) -> None:
    """It is said for what changes pods, and nothing is said where it does not."""
    said = kinds.meaning(kind, old, new)
    assert bool(words) == bool(said)
    assert words in said


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("Deployment", ["sidecars", "resize?", "kind=Deployment"]),
        ("StatefulSet", ["sidecars", "resize?", "kind=StatefulSet"]),
        ("DaemonSet", ["sidecars", "kind=DaemonSet"]),
        ("Job", ["sidecars", "kind=Job"]),
        ("CronJob", ["sidecars", "kind=CronJob"]),
    ],
)
def test_only_what_is_resized_needs_it(kind: str, needed: list[str]) -> None:
    """A DaemonSet, a Job and a CronJob ask for sidecars alone; each names its kind, whose rights are asked about."""
    assert needed == SidecarWorkload.needs(args_of(kind))


@pulumi.runtime.test
async def test_the_page_shows_the_job_that_its_example_makes(mocks: ClusterMocks) -> None:
    """docs/components.md has the program and the object that comes of it."""
    found = re.search(r"```python\n(migrate = .*?)```\s+```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    program, shown = found.groups()
    names = {"target": SimpleNamespace(connection=CONNECTION), "on_target": None, "SidecarWorkload": SidecarWorkload}
    exec(program, names)  # noqa: S102  # the page's own example
    await cast(Any, names["migrate"]).ready.future()

    made = mocks.inputs(TYPES["Job"], "migrate")
    expected = yaml.safe_load(shown)
    assert (expected["metadata"], expected["spec"]) == (made["metadata"], made["spec"])
