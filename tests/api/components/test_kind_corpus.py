"""Generated arguments of what belongs to one kind alone, judged by the rules and by the dry run of a real API server.

As in `test_corpus.py`: accepted here and refused there is a bug, and refused here and accepted there is what
docs/validation.md lists, rule by rule.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components._kept import kept_by
from components._shape import camel
from components._workload import _problems
from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from components.actions.errors import ApiError
from components.actions.keepers import api_version, keeper_path
from components.model import kinds, workload
from components.sidecar import SidecarWorkloadArgs
from components.testing import CONNECTION
from tests.corpus import LABEL, one
from tests.validation_page import rules

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster

Json = dict[str, Any]
SPACE = "kind-corpus"
EXAMPLES = 3000 if os.environ.get("LAB_TEST_ALL") else 400
STRICT = {"dryRun": "All", "fieldValidation": "Strict"}
CONTAINER = {"name": "main", "image": "main:1"}
SIDECAR = {"name": "side", "image": "side:1", "startup_probe": {"exec": {"command": ["true"]}}}
NO_MANIFEST = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


def mixed(*values: Any) -> st.SearchStrategy[Any]:
    """Take the first value three times as often as the others together."""
    return st.integers(0, 3).flatmap(lambda drawn: one(*values) if drawn == 3 else st.just(values[0]))


def number(high: int = 2**31 - 1) -> st.SearchStrategy[Any]:
    """Take numbers from 0, or nearly."""
    near = one(0, high, float(2**20), high + 1, -1, 2**63, -(2**63) - 1)
    return st.integers(0, 7).flatmap(lambda drawn: near if drawn == 7 else st.integers(1, 20))


PART = one("0", "1", "5", "12", "23", "31", "59", "60", "7", "*", "?", "*/2", "1-5", "5-1", "jan", "MON", "sun-tue")
PIECE = PART | PART | st.from_regex(r"[0-9*?,/a-z+-]{0,5}", fullmatch=True)
FIELD = (
    st.just("*")
    | st.just("5")
    | PIECE
    | st.lists(PIECE, max_size=3).map(",".join)
    | st.tuples(PIECE, one("1", "0", "15", "-1")).map("/".join)
)
ROW = one("0 0 * * *", "30 2 * * 1-5", "*/5 * 1,15 jan-jun ?", "0 0 30 2 *", "0 0 31 4 1", "@daily", "@every 1h30m")
EVERY = st.from_regex(r"@every [+-]?([0-9]{0,12}(\.[0-9]{0,3})?(ns|us|µs|ms|s|m|h|d|)){0,3}", fullmatch=True)
SCHEDULE = (
    ROW
    | ROW
    | st.tuples(FIELD, FIELD, FIELD, FIELD, FIELD).map(" ".join)
    | st.tuples(FIELD, FIELD, FIELD, FIELD, FIELD).map(" ".join)
    | st.lists(FIELD, min_size=3, max_size=7).map("\t".join)
    | EVERY
    | one("", "@hourly", "@Hourly", "@every", "TZ=UTC 0 0 * * *", "CRON_TZ=Asia/Tokyo @daily", "٣ * * * *")
    | one(" 0 0 * * * ", "0\u20030 * * *", "0\x1f0 * * * *", "0 0 * * * #")
)
ZONE = mixed(
    "Europe/Berlin", "Etc/UTC", "UTC", "GMT+0", "Etc/GMT+5", "europe/berlin", "Local", "LOCAL", "", ".", "../etc"
)
NAME = LABEL | LABEL | LABEL | one("n" * 52, "n" * 53, "n" * 63, "n" * 64, "a.b", "No")
SHARE = one("0", "1", "2", "0%", "1%", "100%", "101%", "-1", "", "one", "00", "007", "2147483648", "٣%", "1.5", "25 %")
JOB = st.fixed_dictionaries(
    {},
    optional={
        "completions": number(),
        "parallelism": number() | one(100000, 100001),
        "completion_mode": mixed("NonIndexed", "Indexed", "indexed", ""),
        "restart_policy": mixed("Never", "OnFailure", "Always", "", "never"),
        "backoff_limit": number(),
        "active_deadline_seconds": number(2**63 - 1),
        "ttl_seconds_after_finished": number(),
        "suspend": st.booleans(),
    },
)
CRON_JOB = st.fixed_dictionaries(
    {"schedule": SCHEDULE},
    optional={
        "time_zone": ZONE,
        "concurrency_policy": mixed("Allow", "Forbid", "Replace", "", "allow"),
        "suspend": st.booleans(),
        "starting_deadline_seconds": number(2**63 - 1),
        "successful_jobs_history_limit": number(),
        "failed_jobs_history_limit": number(),
    },
)
DAEMON_SET = st.fixed_dictionaries({}, optional={"max_unavailable": SHARE, "max_surge": SHARE})
PARTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "DaemonSet": {"daemon_set": DAEMON_SET, "min_ready_seconds": one(0, 5, -1)},
    "Job": {"job": JOB},
    "CronJob": {"cron_job": CRON_JOB, "job": JOB},
}


@pytest.fixture(scope="module")
def client(simulated: "SimulatedCluster") -> Iterator[Client]:
    """Give a client of a server where the namespace and its service account are."""
    with load_kubeconfig(str(simulated.kubeconfig)).client() as client:
        for path, name in (("namespaces", SPACE), ("serviceaccounts", "default")):
            folder = path_of("v1", path, "" if path == "namespaces" else SPACE)
            try:
                client.create(folder, {"metadata": {"name": name}})
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
        yield client
        client.delete(path_of("v1", "namespaces", name=SPACE))


def refusal(client: Client, kind: str, args: Json) -> str | None:
    """Return what the server refuses what these arguments become with, None when it accepts it."""
    shown = {name: value for name, value in args.items() if name != "connection"}
    fields, keeper = camel(shown, SidecarWorkloadArgs), kept_by(kind)
    name = fields["name"]
    spec = keeper.spec(
        fields, selector=workload.selector(name, None), template=keeper.template(name, fields, {}), deadline=600
    )
    metadata = {"name": name, "namespace": SPACE, "labels": workload.labels(name, None, None)}
    if kind == "Job" and (seconds := (fields.get("job") or {}).get("ttlSecondsAfterFinished")) is not None:
        spec["ttlSecondsAfterFinished"] = seconds  # which it gets once it is complete
    body = {"apiVersion": api_version(kind), "kind": kind, "metadata": metadata, "spec": spec}
    try:
        client._json("POST", keeper_path(kind, SPACE), STRICT, body, "application/json")
    except ApiError as error:
        if error.status not in {400, 422}:
            raise
        return f"{error.status} {error.message}"
    return None


@pytest.mark.parametrize("kind", list(PARTS))
def test_what_is_accepted_here_is_accepted_there(client: Client, report: Callable[[str], None], kind: str) -> None:
    """And what is refused here and accepted there is refused by a rule that docs/validation.md gives a reason for."""
    figures, by_rule, documented = Counter[str](), Counter[str](), rules()
    always = {"name": NAME} | {part: held for part, held in PARTS[kind].items() if part == "cron_job"}
    whole = st.fixed_dictionaries(always, optional={k: v for k, v in PARTS[kind].items() if k not in always})

    @settings(
        max_examples=EXAMPLES,
        derandomize=not os.environ.get("LAB_TEST_ALL"),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(whole)
    def judge(drawn: Json) -> None:
        own = {"namespace": SPACE, "kind": kind, "connection": CONNECTION}
        args: Json = {**own, "containers": [CONTAINER], "sidecars": [SIDECAR], **drawn}
        problems = _problems(args["name"], args, SidecarWorkloadArgs, kinds.problems)
        try:
            said = refusal(client, kind, args)
        except NO_MANIFEST:
            assert problems, f"accepted, and there is no manifest of {drawn}"
            return
        figures[f"{'refused' if problems else 'accepted'} here, {'refused' if said else 'accepted'} there"] += 1
        shown = f"\n{json.dumps(drawn)}\n{problems}"
        assert problems or not said, f"accepted here and refused there: {said}{shown}"
        if problems and not said:
            by_rule.update({problem.rule for problem in problems})
            assert {problem.rule for problem in problems} <= documented, f"refused here alone, for no reason{shown}"

    try:
        judge()
    finally:
        report(f"{kind}: {dict(figures)}, by rule {dict(by_rule)}")
    assert figures["accepted here, accepted there"] > EXAMPLES / 20, "too few of them are valid to say much"
