"""Provider resources (`pulumi:providers:kubernetes`) and the configured providers behind them."""

import threading
import uuid

from lab.engine.cluster import Cluster
from lab.engine.diff import Diff, compare
from lab.engine.errors import StepError, Unsupported
from lab.engine.handler import Read, Say
from lab.engine.kubernetes import Kubernetes
from lab.engine.values import UNKNOWN, Object, has_unknown, reveal

TYPE = "pulumi:providers:kubernetes"
_KNOWN = {
    *("kubeconfig", "context", "clusterIdentifier", "namespace", "version"),
    *("enableConfigMapMutable", "enableSecretMutable", "enableServerSideApply"),
}


class Providers:
    """The configured providers of a run, by reference (`urn::id`), and the steps of provider resources."""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled
        self._found: dict[str, tuple[Object, Kubernetes]] = {}

    def configure(self, reference: str, config: Object) -> None:
        """Make a provider from its recorded inputs. EngineError when its cluster is unreachable or not the lab's."""
        known = self._found.get(reference)
        if known is None or known[0] != config:
            self._found[reference] = config, Kubernetes(config, self._cancelled)

    def __contains__(self, reference: str) -> bool:
        """Tell whether a provider is configured."""
        return reference in self._found

    def get(self, reference: str, type_: str) -> Kubernetes:
        """Return the provider of a resource. Unsupported where the program relies on a default provider."""
        if not reference:
            feature = f"{type_} without an explicit provider (the lab's engine uses no ambient kubeconfig)"
            raise Unsupported(feature)
        if reference not in self._found:
            raise StepError(f"its provider {reference} is not in this run")
        return self._found[reference][1]

    def check(self, _name: str, inputs: Object, _old_inputs: Object | None) -> Object:
        """Return the inputs as they are recorded. StepError or Unsupported for settings that cannot be honoured."""
        unknown = sorted(set(inputs) - _KNOWN)
        if unknown:
            feature = f"kubernetes.Provider settings {', '.join(unknown)}"
            raise Unsupported(feature)
        if reveal(inputs).get("enableServerSideApply") in (False, "false"):
            feature = "kubernetes.Provider with enable_server_side_apply=False"
            raise Unsupported(feature)
        if not reveal(inputs).get("kubeconfig"):
            raise StepError("the provider names no kubeconfig, and the lab's engine uses no ambient one")
        return inputs

    def diff(self, old_inputs: Object, old_outputs: Object, inputs: Object) -> Diff:  # noqa: ARG002 (as all kinds)
        """Compare two configurations; a change of cluster replaces the provider, unless clusterIdentifier tells."""
        old, new = reveal(old_inputs), reveal(inputs)
        changes = compare(old, new, old, [*self._identity(old, new)])
        return Diff(changes)

    @staticmethod
    def _identity(old: Object, new: Object) -> list[str]:
        if old.get("clusterIdentifier") or new.get("clusterIdentifier"):
            return ["clusterIdentifier"]
        if has_unknown(new) or has_unknown(old):
            return ["kubeconfig", "context"]
        clusters = [Cluster(str(side["kubeconfig"]), side.get("context")) for side in (old, new)]
        same = len({(cluster.server, cluster.ca_sha256) for cluster in clusters}) == 1
        return [] if same else ["kubeconfig", "context"]

    def create(self, inputs: Object, *, preview: bool, seconds: float | None, say: Say) -> tuple[str, Object]:  # noqa: ARG002
        """Return (id, outputs) of a new provider; there is nothing to create but its identity."""
        return "" if preview else str(uuid.uuid4()), inputs

    def update(
        self,
        old_outputs: Object,  # noqa: ARG002 (as all kinds)
        inputs: Object,
        *,
        preview: bool,  # noqa: ARG002
        seconds: float | None,  # noqa: ARG002
        say: Say,  # noqa: ARG002
        ignore: list[str],  # noqa: ARG002
    ) -> tuple[str, Object]:
        """Return ("", outputs): the new settings, once they are known to be of a cluster of the lab's."""
        self.require_lab(inputs)
        return "", inputs

    def require_lab(self, inputs: Object) -> None:
        """Raise EngineError unless the settings are of a cluster that the lab made."""
        Kubernetes(inputs, self._cancelled)

    def delete(self, old_inputs: Object, old_outputs: Object, *, seconds: float | None, say: Say) -> None:
        """Do nothing: a provider is not in the cluster."""

    def read(self, old_inputs: Object, old_outputs: Object, id_: str) -> Read:
        """Return what is recorded: a refresh leaves providers alone."""
        return Read(id_, old_inputs, old_outputs)


def is_provider(type_: str) -> bool:
    """Tell the types of provider resources, which exist in the state alone."""
    return type_.startswith("pulumi:providers:")


def reference(urn: str, id_: str) -> str:
    """Return how resources refer to a provider."""
    return f"{urn}::{id_ or UNKNOWN}"
