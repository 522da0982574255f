"""A kind cluster on this machine, made once for the main program to deploy to.

1. Makes one kind cluster of one node, with a pinned image, and two ports of 127.0.0.1 that lead to it: TCP for node
   port 30080, UDP for 30090. With `wasmFolder` the node gets a handler for WASM modules.
2. Refuses, before anything is made: bad config, a missing or old kind, a missing Docker or Podman.
3. On change of name, version, ports, provider or WASM runtime, the cluster is deleted and made anew, with nothing left
   of what was in it: kind changes no cluster that is there. The preview shows a replacement.
4. Exports `kubeconfig` (a secret), `context` and `platform`.
5. On destroy the cluster is deleted. What was deleted outside of Pulumi is not noticed: `pulumi destroy`, then `up`.
"""

import pulumi
import settings
from cluster import configuration
from pulumi_command import local

stack = settings.load()
config = configuration(stack.name, stack.minor, stack.http_port, stack.udp_port, stack.wasm)

# kind writes its kubeconfig into whatever KUBECONFIG or the home folder names, merges, and locks the file; one of this
# run's own can neither change a person's contexts nor meet a lock that a killed run has left. It is gone afterwards:
# the credentials stay in the stack's state alone, encrypted.
WITH_OWN_KUBECONFIG = 'set -eu; folder="$(mktemp -d)"; trap \'rm -rf "$folder"\' EXIT; '
# The state keeps this with the delete command, which therefore means the cluster that was made, not today's config.
environment = {"CLUSTER": stack.name, "KIND_EXPERIMENTAL_PROVIDER": stack.provider, "KUBECONFIG": "/dev/null"}

cluster = local.Command(
    "cluster",
    create=WITH_OWN_KUBECONFIG
    + 'kind create cluster --name "$CLUSTER" --config - --kubeconfig "$folder/kubeconfig" --wait 180s',
    # Without one, any edit of these texts would run `create` again, on a cluster that is there.
    update='kind get nodes --name "$CLUSTER"',
    delete=WITH_OWN_KUBECONFIG + 'kind delete cluster --name "$CLUSTER" --kubeconfig "$folder/kubeconfig"',
    stdin=config,
    environment=environment,
    # A changed trigger replaces the cluster: pulumi-command says so to the engine, though its documentation does not.
    triggers=[config, stack.provider],
    # Output of an earlier run has no business in the environment of the next.
    add_previous_output_in_env=False,
    opts=pulumi.ResourceOptions(
        # Made before the old one is gone, the new cluster would meet its name and ports, and the deletion, which goes
        # by the name, would then remove the new one.
        delete_before_replace=True,
    ),
)

kubeconfig = local.Command(
    "kubeconfig",
    create='kind get kubeconfig --name "$CLUSTER"',
    environment=environment,
    # The id is a new one for each cluster: an administrator's certificate of the old cluster is worth nothing.
    triggers=[cluster.id],
    # What it prints is a credential: kept out of the log, and encrypted in the state.
    logging=local.Logging.NONE,
    add_previous_output_in_env=False,
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]),
)

pulumi.export("kubeconfig", pulumi.Output.secret(kubeconfig.stdout))
pulumi.export("context", f"kind-{stack.name}")
pulumi.export("platform", "kind")
