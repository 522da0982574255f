"""A small world of objects of every kind that matters to a restore: made, deleted, and recognised by one label.

Its pods fit no node, so that controllers have work and nodes have none.
"""

import time
from collections.abc import Callable
from typing import Any

from components.actions.client import Client, Json, path_of
from components.actions.errors import ApiError

LABEL = "recovery-test"
_NOWHERE = {"nodeSelector": {"recovery-test/nowhere": "true"}, "terminationGracePeriodSeconds": 0}
_CONTAINER = {"name": "app", "image": "localhost/nginx:1.26", "resources": {"requests": {"cpu": "10m"}}}


class World:
    """The objects of one namespace, and those of the cluster that go with it."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name
        self.labels = {LABEL: name}
        self.selector = f"{LABEL}={name}"
        self.plural = f"things{name.replace('-', '')}"
        self.group = "recovery.example.com"
        self._paths: list[str] = []
        self._late: list[Callable[[], Json]] = []

    def make(self) -> None:
        """Create everything."""
        self._cluster()
        self._plain()
        self._workloads()
        self._owned()

    def small(self) -> None:
        """Create a few objects of which some need others."""
        self.create("v1", "namespaces", "Namespace", self.name, space="")
        config = self.create("v1", "configmaps", "ConfigMap", "config", data={"a": "1"})
        self.create("v1", "secrets", "Secret", "login", stringData={"password": "made-up"}, owner=config)
        self.create("v1", "services", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
        self.create("v1", "serviceaccounts", "ServiceAccount", "app")
        self.deployment("web")
        self.eventually(lambda: len(self.replica_sets()) == 1)

    def create(
        self, version: str, resource: str, kind: str, name: str, *, space: str | None = None, **rest: Any
    ) -> Json:
        """Create an object with the world's label; `owner` is another object of it."""
        owner, finalizers, annotations = (rest.pop(key, None) for key in ("owner", "finalizers", "annotations"))
        space = self.name if space is None else space
        metadata: Json = {"name": name, "labels": dict(self.labels)}
        if space:
            metadata["namespace"] = space
        if owner:
            keys = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
            metadata["ownerReferences"] = [keys | {key: owner["metadata"][key] for key in ("name", "uid")}]
        if finalizers:
            metadata["finalizers"] = finalizers
        if annotations:
            metadata["annotations"] = annotations
        body = {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
        made = self.client.create(path_of(version, resource, space), body, field_manager="recovery-tests")
        if not space:
            self._paths.append(path_of(version, resource, "", name))
        return made

    def template(self, app: str) -> Json:
        """Return a pod template that fits no node."""
        return {
            "metadata": {"labels": {"app": app, **self.labels}},
            "spec": {"containers": [dict(_CONTAINER)], **_NOWHERE},
        }

    def deployment(self, name: str) -> Json:
        """Create a Deployment."""
        selector = {"matchLabels": {"app": name}}
        spec = {"replicas": 1, "selector": selector, "template": self.template(name)}
        return self.create("apps/v1", "deployments", "Deployment", name, spec=spec)

    def delete(self, *, wait: bool = True) -> None:
        """Delete everything, and wait until it is gone; finalizers are taken away."""
        things = path_of(f"{self.group}/v1", self.plural, self.name)
        try:
            for each in self.client.list(things):
                self.client.patch(f"{things}/{each['metadata']['name']}", {"metadata": {"finalizers": None}})
        except ApiError as error:
            if not error.not_found:
                raise
        for claim in self.client.list(path_of("v1", "configmaps", self.name)):
            if claim["metadata"].get("finalizers"):
                path = path_of("v1", "configmaps", self.name, claim["metadata"]["name"])
                self.client.patch(path, {"metadata": {"finalizers": None}})
        for path in reversed(self._paths):
            self.client.delete(path)
        deadline = time.monotonic() + 60
        while wait and any(self.client.find(path) for path in self._paths):
            assert time.monotonic() < deadline, "the world does not go away"
            time.sleep(0.2)

    def _cluster(self) -> None:
        name = self.name
        self.create("v1", "namespaces", "Namespace", name, space="", annotations={"note": "ü"})
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        names = {"plural": self.plural, "singular": self.plural[:-1], "kind": "Thing"}
        spec = {"group": self.group, "scope": "Namespaced", "names": names, "versions": [version]}
        crds = ("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition")
        self.create(*crds, f"{self.plural}.{self.group}", space="", spec=spec)
        self.create("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", name, space="", value=7)
        storage: Json = {"provisioner": "nobody.example.com", "volumeBindingMode": "WaitForFirstConsumer"}
        self.create("storage.k8s.io/v1", "storageclasses", "StorageClass", name, space="", **storage)
        rbac = "rbac.authorization.k8s.io/v1"
        self.create(rbac, "clusterroles", "ClusterRole", name, space="", rules=[_rule("get")])
        role = {"apiGroup": rbac[:-3], "kind": "ClusterRole", "name": name}
        subject = {"kind": "ServiceAccount", "name": "app", "namespace": name}
        binding: Json = {"roleRef": role, "subjects": [subject]}
        self.create(rbac, "clusterrolebindings", "ClusterRoleBinding", name, space="", **binding)
        volume = {
            "capacity": {"storage": "1Mi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "static",
            "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": name, "name": "bound"},
        }
        self.create("v1", "persistentvolumes", "PersistentVolume", name, space="", spec=volume)
        webhook = {
            "name": "refuse.example.com",
            "clientConfig": {"service": {"namespace": name, "name": "headless", "path": "/"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}],
            "namespaceSelector": {"matchLabels": dict(self.labels)},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        hooks = ("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration")
        self._late.append(lambda: self.create(*hooks, name, space="", webhooks=[webhook]))

    def _plain(self) -> None:
        self.create("v1", "configmaps", "ConfigMap", "config", data={"a": "1", "u": "\u2028ü\U0001f600"})
        self.create("v1", "configmaps", "ConfigMap", "held", data={}, finalizers=["example.com/held"])
        self.create("v1", "configmaps", "ConfigMap", "binary", binaryData={"b": "AAECAw=="}, immutable=True)
        self.create("v1", "secrets", "Secret", "login", stringData={"password": "made-up"}, type="Opaque")
        self.create("v1", "serviceaccounts", "ServiceAccount", "app", automountServiceAccountToken=False)
        rbac = "rbac.authorization.k8s.io/v1"
        self.create(rbac, "roles", "Role", "app", rules=[_rule("list")])
        binding: Json = {
            "roleRef": {"apiGroup": rbac[:-3], "kind": "Role", "name": "app"},
            "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": self.name}],
        }
        self.create(rbac, "rolebindings", "RoleBinding", "app", **binding)
        port: Json = {"name": "http", "port": 80, "targetPort": 8080}
        app = {"selector": {"app": "web"}}
        self.create("v1", "services", "Service", "plain", spec={**app, "ports": [port]})
        self.create("v1", "services", "Service", "headless", spec={**app, "clusterIP": "None", "ports": [port]})
        self.create("v1", "services", "Service", "nodes", spec={**app, "type": "NodePort", "ports": [port]})
        self.create("v1", "services", "Service", "manual", spec={"ports": [port]})
        outside = {"type": "ExternalName", "externalName": "example.com"}
        self.create("v1", "services", "Service", "outside", spec=outside)
        endpoints: Json = {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.7"]}], "ports": [{"port": 80}]}
        self.create("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", "manual-1", **endpoints)
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
        claims = ("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
        self.create(*claims, "bound", spec={**claim, "storageClassName": "static", "volumeName": self.name})
        self.create(*claims, "waiting", spec={**claim, "storageClassName": self.name})
        policy = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
        self.create("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "deny", spec=policy)
        backend = {"service": {"name": "plain", "port": {"number": 80}}}
        ingress = {"defaultBackend": backend}
        self.create("networking.k8s.io/v1", "ingresses", "Ingress", "web", spec=ingress)
        limits = {"limits": [{"type": "Container", "max": {"cpu": "4"}}]}
        self.create("v1", "limitranges", "LimitRange", "limits", spec=limits)
        self.create("v1", "resourcequotas", "ResourceQuota", "quota", spec={"hard": {"count/configmaps": "50"}})

    def _workloads(self) -> None:
        self.deployment("web")
        self.eventually(lambda: len(self.replica_sets()) == 1)
        patch = {"spec": {"template": {"metadata": {"annotations": {"second": "revision"}}}}}
        self.client.patch(path_of("apps/v1", "deployments", self.name, "web"), patch, kind="strategic")
        self.eventually(lambda: len(self.replica_sets()) == 2)
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
        templates = [
            {"metadata": {"name": "data", "labels": self.labels}, "spec": {**claim, "storageClassName": self.name}}
        ]
        selector = {"matchLabels": {"app": "db"}}
        stateful = {"serviceName": "headless", "replicas": 1, "selector": selector, "template": self.template("db")}
        stateful["volumeClaimTemplates"] = templates
        self.create("apps/v1", "statefulsets", "StatefulSet", "db", spec=stateful)
        daemons = {"selector": {"matchLabels": {"app": "agent"}}, "template": self.template("agent")}
        self.create("apps/v1", "daemonsets", "DaemonSet", "agent", spec=daemons)
        job: Json = {"suspend": True, "template": self.template("job")}
        job["template"]["spec"]["restartPolicy"] = "Never"
        self.create("batch/v1", "jobs", "Job", "work", spec=job)
        crons = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
        self.create("batch/v1", "cronjobs", "CronJob", "yearly", spec=crons)
        pod = self.template("bare")["spec"] | {"priorityClassName": self.name, "serviceAccountName": "app"}
        self.create("v1", "pods", "Pod", "bare", spec=pod)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        scaling = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
        kinds = ("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
        self.create(*kinds, "web", spec=scaling)
        budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
        self.create("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "web", spec=budget)

    def _owned(self) -> None:
        version = f"{self.group}/v1"
        self.eventually(lambda: self.client.find(f"/apis/{version}/{self.plural}") is not None)
        thing: Json = {}

        def first() -> bool:
            try:
                thing.update(self.create(version, self.plural, "Thing", "owner", spec={"n": 1}, status={"kept": True}))
            except ApiError as error:
                if not error.not_found:
                    raise
                return False
            return True

        self.eventually(first)
        middle = self.create("v1", "configmaps", "ConfigMap", "middle", owner=thing)
        self.create("v1", "secrets", "Secret", "leaf", owner=middle, stringData={"a": "b"})
        self.create(version, self.plural, "Thing", "held", finalizers=["example.com/held"], owner=middle)
        for make in self._late:
            make()

    def replica_sets(self) -> list[Json]:
        """Return the ReplicaSets of the Deployment."""
        return self.client.list(path_of("apps/v1", "replicasets", self.name), label_selector="app=web")

    @staticmethod
    def eventually(check: Any) -> None:
        """Wait until it holds."""
        deadline = time.monotonic() + 30
        while not check():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.1)


def _rule(verb: str) -> Json:
    return {"apiGroups": [""], "resources": ["configmaps"], "verbs": [verb]}
