"""What the official Kubernetes provider does: check, diff, create, update, delete, for one provider instance.

Inputs and outputs are wire values (see values.py); manifests are what goes to the API server.
"""

import secrets
import threading
import time

from lab.engine import waiting
from lab.engine.cluster import ApiError, Cluster, root
from lab.engine.diff import Diff, as_given, compare, prune
from lab.engine.errors import EngineError, PartialError, StepError, UnclearError, Unsupported
from lab.engine.forcenew import force_new
from lab.engine.handler import Read, Say
from lab.engine.ignore import for_apply
from lab.engine.managers import forced_in_preview, takeover
from lab.engine.manifests import MANAGER, object_id, to_manifest, underscored
from lab.engine.quantities import normalize
from lab.engine.values import Object, annotate, has_asset, has_unknown, is_secret, reveal, secret

_CONFLICT_HELP = (
    "Server-Side Apply field conflict detected. See https://www.pulumi.com/registry/packages/kubernetes/"
    "how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources "
    "for troubleshooting help."
)


class Kubernetes:
    """A configured provider. `config` are its resource's inputs; unknown ones leave it without a cluster."""

    def __init__(self, config: Object, cancelled: threading.Event) -> None:
        clear = reveal(config)
        self._mutable_config_maps = clear.get("enableConfigMapMutable") in (True, "true")
        self._mutable_secrets = clear.get("enableSecretMutable") in (True, "true")
        self._namespace = str(clear.get("namespace") or "")
        self._cancelled = cancelled
        self.cluster: Cluster | None = None
        if not has_unknown(clear):
            self.cluster = Cluster(str(clear["kubeconfig"]), clear.get("context"))
            self.cluster.require_lab()

    def _api(self) -> Cluster:
        if self.cluster is None:
            msg = "the provider's configuration is not known yet"
            raise EngineError(msg)
        return self.cluster

    def check(self, name: str, inputs: Object, old_inputs: Object | None) -> Object:
        """Return the inputs as they are recorded: canonical, named (auto-named where the program gives no name)."""
        if has_asset(inputs):
            feature = "assets in Kubernetes objects"
            raise Unsupported(feature)
        if not inputs.get("kind") or not inputs.get("apiVersion"):
            msg = "the object has no kind or apiVersion"
            raise StepError(msg)
        manifest: Object = normalize(reveal(inputs))
        metadata = manifest.get("metadata", {})
        if isinstance(metadata, dict):
            manifest = {**manifest, "metadata": self._identity(name, dict(metadata), manifest, old_inputs)}
        checked = annotate(manifest, inputs)
        if manifest.get("kind") == "Secret" and "stringData" in inputs and "data" in checked:
            model = inputs["stringData"]
            checked["data"] = secret(manifest["data"]) if is_secret(model) else annotate(checked["data"], model)
        return checked

    def _identity(self, name: str, metadata: Object, manifest: Object, old_inputs: Object | None) -> Object:
        if metadata.get("generateName"):
            feature = "metadata.generateName"
            raise Unsupported(feature)
        if not metadata.get("name"):
            old = old_inputs or {}
            adopted = waiting.annotation(old, "autonamed") == "true"
            metadata["name"] = old["metadata"]["name"] if adopted else f"{name}-{secrets.token_hex(4)}"
            metadata["annotations"] = {**metadata.get("annotations", {}), "pulumi.com/autonamed": "true"}
        if self._namespace and not metadata.get("namespace") and self._namespaced(manifest):
            metadata["namespace"] = self._namespace
        return metadata

    def _namespaced(self, manifest: Object) -> bool:
        if self.cluster is None:
            return True
        try:
            return self.cluster.resource(str(manifest["apiVersion"]), str(manifest["kind"]))[1]
        except ApiError:
            return True  # a custom resource whose definition is not there yet; corrected when it is created

    def diff(self, old_inputs: Object, old_outputs: Object, inputs: Object) -> Diff:
        """Compare the last live object, as far as the old inputs shaped it, with the new (checked) inputs."""
        live, shape, new = reveal(old_outputs), reveal(old_inputs), reveal(inputs)
        old = prune(live, shape)
        namespaced = self._namespaced(new)
        for side in (old, new):
            if isinstance(side.get("metadata"), dict):
                here = dict(side["metadata"])
                if namespaced:
                    here.setdefault("namespace", "default")
                side["metadata"] = here
        flags = {"mutable_config_maps": self._mutable_config_maps, "mutable_secrets": self._mutable_secrets}
        result = Diff(compare(old, new, shape, force_new(new, **flags)))
        mine, theirs = new.get("metadata", {}), live.get("metadata", {})
        if isinstance(mine, dict) and result.replace:
            autonamed = waiting.annotation(new, "autonamed") == "true"
            same = mine.get("name") == theirs.get("name")
            place = mine.get("namespace") == (theirs.get("namespace") or ("default" if namespaced else None))
            result.delete_first = not autonamed and same and place
        return result

    def create(self, inputs: Object, *, preview: bool, seconds: float | None, say: Say) -> tuple[str, Object]:
        """Create the object and wait until it is ready; return (id, outputs).

        In preview it is a dry run of the server (id ""), or the inputs where the server cannot tell yet. StepError
        when the server refuses, PartialError when the object exists and does not become ready.
        """
        if preview and (self.cluster is None or has_unknown(inputs) or not self._exists(reveal(inputs))):
            return "", inputs
        manifest = to_manifest(inputs)
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if preview else {})}
        try:
            live = self._post(manifest, query, preview=preview, say=say)
        except ApiError as error:
            if preview and (error.status == 403 or error.reason == "AlreadyExists" or _no_namespace(error)):
                return "", inputs
            if error.status >= 500 and not preview:
                # It may have been made all the same: the record of the create stays for the next run to look it up.
                raise UnclearError(
                    f"the Kubernetes API server did not say that it created it: {error}; the next run looks it up"
                ) from error
            raise StepError(f"the Kubernetes API server did not create it: {error}") from error
        manager = self.new_manager(inputs)
        if preview:
            live.pop("status", None)
            return "", self.outputs(inputs, live, manager)
        return self._ready(inputs, live, manager, seconds, say)

    def _exists(self, manifest: Object) -> bool:
        try:
            self._api().resource(str(manifest["apiVersion"]), str(manifest["kind"]))
        except ApiError:
            return False
        return True

    def _post(self, manifest: Object, query: dict[str, str], *, preview: bool, say: Say) -> Object:
        for attempt in range(5):
            try:
                return self._api().request("POST", self.path(manifest, collection=True), query, manifest)
            except ApiError as error:
                # A namespace or a kind that is only just being made; the official provider retries the same way.
                if error.status != 404 or preview or self._cancelled.wait(2.0**attempt / 2):
                    raise
                say(f"Retry #{attempt + 1}; creation failed: {error}")
        return self._api().request("POST", self.path(manifest, collection=True), query, manifest)

    def _ready(self, inputs: Object, live: Object, manager: str, seconds: float | None, say: Say) -> tuple[str, Object]:
        manifest = reveal(inputs)
        try:
            check = waiting.check_for(manifest, self._endpoints)
            if check is not None:
                path = self.path(live)
                read = lambda: self._api().request("GET", path)  # noqa: E731 (one expression, used once)
                live = waiting.wait(read, check, waiting.timeout(manifest, seconds), self._cancelled, say)
        except ApiError as error:
            raise PartialError(str(error), self.outputs(inputs, live, manager)) from error
        except PartialError as error:
            raise PartialError(str(error), self.outputs(inputs, error.live, manager)) from error
        except StepError as error:
            raise PartialError(str(error), self.outputs(inputs, live, manager)) from error
        return object_id(live), self.outputs(inputs, live, manager)

    def _endpoints(self, service: Object) -> Object:
        meta = service["metadata"]
        try:
            return self._api().request("GET", f"/api/v1/namespaces/{meta['namespace']}/endpoints/{meta['name']}")
        except ApiError:
            return {}

    def update(
        self,
        old_outputs: Object,
        inputs: Object,
        *,
        preview: bool,
        seconds: float | None,
        say: Say,
        ignore: list[str],
    ) -> tuple[str, Object]:
        """Apply the new inputs to the live object and wait; return (id, outputs). Errors as for `create`.

        A real update first takes over the fields that a plain create or kubectl left; a preview does not, so that
        it meets the same conflicts as the official provider's. A CustomResourceDefinition is replaced as a whole.
        """
        manifest = to_manifest(inputs)
        if preview and (self.cluster is None or has_unknown(inputs) or not self._exists(manifest)):
            return object_id(reveal(old_outputs)), inputs
        manager = str(waiting.annotation(manifest, "patchFieldManager") or old_outputs["__fieldManager"])
        path = self.path(reveal(old_outputs))
        try:
            live = self._api().request("GET", path)
            if manifest.get("kind") == "CustomResourceDefinition":
                live = self._put(path, manifest, live, manager, preview=preview)
            else:
                live = self._apply(path, for_apply(manifest, live, ignore, manager), live, manager, preview=preview)
        except ApiError as error:
            if preview and error.status == 403:
                return object_id(reveal(old_outputs)), inputs
            raise StepError(_refused(error, manager)) from error
        if preview:
            return object_id(live), self.outputs(inputs, live, manager)
        return self._ready(inputs, live, manager, seconds, say)

    def _put(self, path: str, manifest: Object, live: Object, manager: str, *, preview: bool) -> Object:
        """Replace the definition at the version that was read; the objects of its kind stay."""
        version = live["metadata"]["resourceVersion"]
        body = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": version}}
        query = {"fieldManager": manager, **({"dryRun": "All"} if preview else {})}
        return self._api().request("PUT", path, query, body)

    def _apply(self, path: str, manifest: Object, live: Object, manager: str, *, preview: bool) -> Object:
        force = waiting.annotation(manifest, "patchForce") == "true"
        if preview:
            force = force or forced_in_preview(live)
        elif patch := takeover(live, manager):
            self._api().request("PATCH", path, None, patch, "json-patch+json")
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        query |= {"dryRun": "All"} if preview else {}
        return self._api().request("PATCH", path, query, manifest, "apply-patch+yaml")

    def read(self, old_inputs: Object, old_outputs: Object, id_: str) -> Read | None:  # noqa: ARG002 (as all kinds)
        """Return the live object as inputs and outputs, with why it is not well; None where it is gone.

        The inputs are the part of the live object that the old inputs shaped. It is judged once and by its kind,
        whatever `waitFor` says, as the official provider does. StepError when the server refuses.
        """
        before = reveal(old_outputs)
        try:
            live = self._api().request("GET", self.path(before))
        except ApiError as error:
            if error.status == 404:  # the object, or its kind
                return None
            raise StepError(f"the Kubernetes API server did not read it: {error}") from error
        manifest = reveal(old_inputs)
        inputs = annotate(as_given(underscored(live), manifest), old_inputs)
        outputs = self.outputs(inputs, live, str(before["__fieldManager"]))
        outputs["__initialApiVersion"] = before["__initialApiVersion"]
        return Read(object_id(live), inputs, outputs, waiting.unwell(manifest, live, self._endpoints))

    def delete(self, old_inputs: Object, old_outputs: Object, *, seconds: float | None, say: Say) -> None:
        """Delete the object (foreground, unless annotated otherwise) and wait until it is gone. Gone before is fine."""
        manifest = reveal(old_inputs)
        policy = waiting.annotation(manifest, "deletionPropagationPolicy").capitalize()
        live = reveal(old_outputs)
        uid = live["metadata"]["uid"]
        body = {
            "propagationPolicy": policy if policy in ("Orphan", "Background") else "Foreground",
            "preconditions": {"uid": uid},
        }
        try:
            path = self.path(live)
            if self._delete(path, uid, body) and not waiting.skips_delete(manifest):
                self._gone(path, uid, waiting.timeout(manifest, seconds), say)
        except ApiError as error:
            if error.status != 404:
                raise StepError(f"the Kubernetes API server did not delete it: {error}") from error

    def _delete(self, path: str, uid: str, body: Object) -> bool:
        """Ask for the deletion; False when another object has taken the name, so that ours is gone."""
        try:
            self._api().request("DELETE", path, None, body)
        except ApiError as error:
            if error.status != 409 or self._api().request("GET", path)["metadata"]["uid"] == uid:
                raise
            return False
        return True

    def _gone(self, path: str, uid: object, seconds: float, say: Say) -> None:
        end = time.monotonic() + seconds
        pause = 0.02
        while True:
            live = self._api().request("GET", path)
            if live["metadata"]["uid"] != uid:
                return
            finalizers = ", ".join(live["metadata"].get("finalizers") or []) or "none"
            if time.monotonic() >= end or self._cancelled.is_set():
                msg = f"still being deleted (finalizers: {finalizers})"
                raise StepError(msg)
            say("Resource scheduled for deletion")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    @staticmethod
    def new_manager(inputs: Object) -> str:
        """Return the field manager for later updates of a new object: as annotated, else one of its own."""
        return waiting.annotation(reveal(inputs), "patchFieldManager") or f"{MANAGER}-{secrets.token_hex(4)}"

    def find(self, inputs: Object) -> Object | None:
        """Return the live object that these inputs name, None where there is none."""
        try:
            return self._api().request("GET", self.path(reveal(inputs)))
        except ApiError as error:
            if error.status == 404:
                return None
            raise StepError(str(error)) from error

    def path(self, manifest: Object, *, collection: bool = False) -> str:
        """Return the API path of the object, or of the collection that it is created in."""
        plural, namespaced = self._api().resource(str(manifest["apiVersion"]), str(manifest["kind"]))
        metadata = manifest["metadata"]
        inside = f"/namespaces/{metadata.get('namespace') or 'default'}" if namespaced else ""
        return f"{root(manifest['apiVersion'])}{inside}/{plural}" + ("" if collection else f"/{metadata['name']}")

    @staticmethod
    def outputs(inputs: Object, live: Object, manager: str) -> Object:
        """Return what is recorded and given to the program: the live object, the inputs, and the field manager."""
        outputs = annotate(underscored(live), inputs)
        outputs["__inputs"] = inputs
        outputs["__initialApiVersion"] = live.get("apiVersion", "")
        outputs["__fieldManager"] = manager
        return outputs


def _no_namespace(error: ApiError) -> bool:
    return error.status == 404 and "namespaces" in str(error)


def _refused(error: ApiError, manager: str) -> str:
    if error.status == 409:
        return f'{_CONFLICT_HELP}\nThe resource managed by field manager "{manager}" had an apply conflict: {error}'
    return f"the Kubernetes API server did not update it: {error}"
