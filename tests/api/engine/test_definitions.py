"""CustomResourceDefinitions: replaced in place, with the objects of their kind."""

from collections.abc import Callable

from lab.engine import Engine, Summary
from lab.engine.cluster import Cluster

Make = Callable[..., Engine]

PROGRAM = """
group = space + ".tests.invalid"
properties = {"text": {"type": "string"}}
if config.get_bool("more"):
    properties["more"] = {"type": "integer", "x_kubernetes_int_or_string": False}
definition = k8s.apiextensions.v1.CustomResourceDefinition(
    "definition",
    metadata={"name": "things." + group, "labels": {"text": text}},
    spec={
        "group": group, "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"open_apiv3_schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": properties}}}},
        }],
    },
    opts=Options(provider=provider),
)
k8s.apiextensions.CustomResource(
    "thing", api_version=group + "/v1", kind="Thing", metadata={"namespace": space, "name": "thing"},
    spec={"text": text}, opts=Options(provider=provider, depends_on=[definition]),
)
"""


def ok(summary: Summary) -> dict[str, int]:
    """Return the counts of a run that went well."""
    assert summary.ok, [found.message for found in summary.diagnostics]
    return dict(summary.counts)


def test_a_definition_changes_in_place(engine: Make, api: Cluster, namespace: str) -> None:
    """A PUT at the live version: previewed by the server, the same definition afterwards, its objects untouched."""
    group = f"{namespace}.tests.invalid"
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}"
    thing = f"/apis/{group}/v1/namespaces/{namespace}/things/thing"
    try:
        assert {"create": 4} == ok(engine(PROGRAM).up())
        before = api.request("GET", path)["metadata"]["uid"], api.request("GET", thing)["metadata"]["uid"]
        # Somebody else's label is gone after it, as after any PUT.
        api.request("PATCH", path, None, {"metadata": {"labels": {"theirs": "yes"}}}, "merge-patch+json")
        assert {"same": 2, "update": 2} == ok(engine(PROGRAM, text="two", more="true").preview())
        assert "theirs" in api.request("GET", path)["metadata"]["labels"]
        assert {"same": 2, "update": 2} == ok(engine(PROGRAM, text="two", more="true").up())
        after = api.request("GET", path)
        assert before == (after["metadata"]["uid"], api.request("GET", thing)["metadata"]["uid"])
        assert {"text": "two"} == after["metadata"]["labels"]
        assert {"text": "two"} == api.request("GET", thing)["spec"]
        assert {"same": 4} == ok(engine(PROGRAM, text="two", more="true").up())
        refused = engine(PROGRAM.replace('"Namespaced"', '"Anywhere"'), text="two", more="true").preview()
        assert "did not update it" in "\n".join(found.message for found in refused.diagnostics)
    finally:
        assert {"delete": 4} == ok(engine(PROGRAM).destroy())
