"""Objects of the kinds that the lab uses, in a namespace and a component of their own; config changes them by steps."""

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions as Options

config = pulumi.Config()
space = config.require("space")
text = config.get("text") or "one"


class Group(pulumi.ComponentResource):
    """A component with nothing of its own."""

    def __init__(self, name: str, opts: Options | None = None) -> None:
        super().__init__("conformance:index:Group", name, {}, opts)


cluster = k8s.Provider(
    "cluster", kubeconfig=config.require_secret("kubeconfig"), cluster_identifier="conformance/objects"
)
group = Group("group", Options(providers=[cluster]))
inside = Options(parent=group)
room = k8s.core.v1.Namespace("room", metadata={"name": f"{space}-room"}, opts=inside)
place = room.metadata.name
drawn = k8s.core.v1.ConfigMap("drawn", metadata={"namespace": place}, data={"text": text}, opts=inside)
named = k8s.core.v1.ConfigMap("named", metadata={"namespace": place, "name": "named"}, data={"text": text}, opts=inside)
hidden = k8s.core.v1.Secret(
    "hidden",
    metadata={"namespace": place, "name": "hidden"},
    string_data={"word": pulumi.Output.secret("hush-hush")},
    opts=inside,
)
app = k8s.apps.v1.Deployment(
    "app",
    metadata={
        "namespace": place,
        "name": "app",
        "annotations": {"pulumi.com/waitFor": "jsonpath={.status.observedGeneration}"},
    },
    spec={
        "replicas": config.get_int("replicas") or 1,
        "selector": {"match_labels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "localhost/none",
                        "image_pull_policy": "Never",
                        "env": [
                            {
                                "name": "TEXT",
                                "value_from": {"config_map_key_ref": {"name": drawn.metadata.name, "key": "text"}},
                            }
                        ],
                    }
                ]
            },
        },
    },
    opts=inside,
)
door = k8s.core.v1.Service(
    "door",
    metadata={
        "namespace": place,
        "name": "door",
        "annotations": {"pulumi.com/waitFor": "jsonpath={.spec.clusterIP}"},
    },
    spec={
        "selector": {"app": "app"},
        "ports": [{"name": "tcp", "port": 53, "protocol": "TCP"}, {"name": "udp", "port": 53, "protocol": "UDP"}],
    },
    opts=inside,
)
if config.get_bool("extra"):
    k8s.core.v1.ConfigMap(
        "extra",
        metadata={"namespace": place, "name": "extra"},
        data={"text": text},
        opts=Options(parent=group, depends_on=[app]),
    )
pulumi.export("drawn", drawn.metadata.name)
pulumi.export("ip", door.spec.cluster_ip)
pulumi.export("word", hidden.data["word"])
