"""EKS nodes that are made with a WASM runtime: the user data of a node group on AL2023.

nodeadm merges the containerd part of a NodeConfig into its own configuration, table by table, and cloud-init runs the
shell part before nodeadm starts containerd and the kubelet (awslabs/amazon-eks-ami: nodeadm/doc/examples.md,
nodeadm-run.service). A managed node group merges its own part behind these.
"""

from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Any

from components.model import wasm_nodes
from components.model.problem import Problem
from components.model.wasm_nodes import CRI_PLUGINS

_BOUNDARY = "kubernetes-emerging-wasm"

# No `version`: the text is merged into a file that has one, which is 3 on images with containerd 2, and 2 before. With
# a table for either, whichever file an image has gets the handler, and the other table is ignored.
_NODE_CONFIG = """\
---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  containerd:
    config: |
{config}"""

# The archive is fetched by the node: from the address alone, over https alone, and to be what was pinned or nothing.
_SCRIPT = """\
#!/bin/bash
# Installs {program} {version}, which containerd's configuration above names, before the node joins.
set -euo pipefail
folder={folder}
work=
finish() {{
  code=$?
  rm -rf "$work"
  if [ "$code" -ne 0 ]; then
    echo "{program} {version} was not installed (exit code $code): this node will not join its cluster" >&2
    systemctl mask nodeadm-run.service
    systemctl stop --no-block nodeadm-run.service
  fi
  exit "$code"
}}
trap finish EXIT
work=$(mktemp -d)
curl --fail --silent --show-error --location --proto '=https' --proto-redir '=https' --retry 8 --retry-all-errors \\
  --max-time 600 --output "$work/{file}" '{url}'
echo "{sha256}  $work/{file}" | sha256sum --check --strict
{unpack}
install -D --mode 0755 "$work/{program}" "$folder/.{program}.new"
mv "$folder/.{program}.new" "$folder/{program}"
"""
_UNPACK = 'tar --extract --gzip --no-same-owner --directory "$work" --file "$work/{file}"'


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with the runtime, its `architecture`, `url` and `sha256`."""
    yield from wasm_nodes.problems(args)
    yield from wasm_nodes.architecture("architecture", args.get("architecture"))
    yield from wasm_nodes.sha256("sha256", args.get("sha256"), "what the url leads to")
    if given := args.get("url"):
        yield from wasm_nodes.address("url", given)
    elif args.get("preset") not in wasm_nodes.PROGRAMS or not wasm_nodes.PROGRAMS[args["preset"]].archive:
        remedy = "write the https address of your own copy: the program itself, or a .tar.gz with it at the top"
        yield Problem("url", "no project releases this program", remedy)


def render(args: Mapping[str, Any]) -> str:
    """Return the user data for arguments without problems: a NodeConfig and a shell script, as MIME parts.

    By default the archive is fetched from its project's release. A node on which the script fails, such as for an
    archive that is not the pinned one, does not join the cluster, rather than take pods that it cannot run.
    """
    runtime = wasm_nodes.runtime_of(args)
    config = "".join(runtime.tables(plugin, runtime.folder) for _, plugin in sorted(CRI_PLUGINS.items(), reverse=True))
    address = args.get("url") or runtime.archive(args["architecture"])
    packed = address.endswith((".tar.gz", ".tgz"))
    file = "archive.tar.gz" if packed else runtime.program_name
    script = _SCRIPT.format(
        program=runtime.program_name,
        version=runtime.version,
        folder=runtime.folder,
        file=file,
        url=address,
        sha256=args["sha256"],
        unpack=_UNPACK.format(file=file) if packed else ": # not packed",
    )
    parts = (
        ("application/node.eks.aws", _NODE_CONFIG.format(config=indent(config, " " * 6))),
        ('text/x-shellscript; charset="us-ascii"', script),
    )
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n'
    body = "".join(f"--{_BOUNDARY}\nContent-Type: {kind}\n\n{content}\n" for kind, content in parts)
    return f"{head}{body}--{_BOUNDARY}--\n"
