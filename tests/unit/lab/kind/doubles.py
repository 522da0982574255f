"""Doubles of `docker` and `kind`: small programs on PATH that keep the containers as files and a diary of every call.

They are doubles: nothing runs in them. Each refuses a call that it does not know, so that a wrong argument fails.
"""

from pathlib import Path

_DOCKER = """#!/bin/sh
echo "docker $*" >> "$WORLD/diary"
case "$*" in
  info) [ -e "$WORLD/no-daemon" ] && { echo "Cannot connect to the Docker daemon" >&2; exit 1; }; exit 0 ;;
  "ps --all --filter name=^demo-control-plane\\$ --format {{.State}}")
    cat "$WORLD/demo-control-plane" 2>/dev/null; exit 0 ;;
  "start demo-control-plane") echo running > "$WORLD/demo-control-plane" ;;
  *) echo "the docker double does not know: $*" >&2; exit 64 ;;
esac
"""

_KIND = """#!/bin/sh
[ "$1" = version ] && { echo "kind v${KIND_DOUBLE_VERSION:-0.33.0} go1.26.8 linux/amd64"; exit 0; }
echo "kind $* [$KIND_EXPERIMENTAL_PROVIDER]" >> "$WORLD/diary"
case "$1 $2" in
  "create cluster")
    [ "$3 $5 $7 $8 $9 ${10}" = "--config --kubeconfig --wait 180s --name demo" ] || exit 64
    cp "$4" "$WORLD/config.yaml" || exit 64
    [ -e "$WORLD/demo-control-plane" ] && { echo "node(s) already exist for a cluster with the name" >&2; exit 1; }
    echo running > "$WORLD/demo-control-plane"
    [ -e "$WORLD/fails" ] && { echo "could not pull the node image" >&2; exit 1; }
    cp "$WORLD/kubeconfig" "$6" ;;
  "delete cluster")
    [ "$3 $5 $6" = "--kubeconfig --name demo" ] || exit 64
    rm -f "$WORLD/demo-control-plane" ;;
  "load image-archive") [ -e "$3" ] && [ "$4 $5" = "--name demo" ] || exit 64 ;;
  *) echo "the kind double does not know: $*" >&2; exit 64 ;;
esac
"""


def put_on_path(folder: Path) -> Path:
    """Write the doubles into `folder`, to be used as PATH, and return it; kubectl is there too and does nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("docker", _DOCKER), ("kind", _KIND), ("kubectl", "#!/bin/sh\nexit 64\n")):
        program = folder / name
        program.write_text(text)
        program.chmod(0o755)
    return folder
