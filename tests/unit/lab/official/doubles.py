"""A double of the official CLI: a small program called `pulumi` that checks every argument and keeps a diary.

It is a double, and deploys nothing. It keeps stacks and locks as files where the CLI of a file backend does, writes
the passphrase's salt into the stack's file as the CLI does, and refuses every call that it does not know.
"""

from pathlib import Path

_PULUMI = r"""#!/bin/sh
[ "$PULUMI_SKIP_UPDATE_CHECK" = true ] || { [ "$1" = version ] || { echo "update check is on" >&2; exit 64; }; }
[ "$1" = version ] && { echo "v${PULUMI_DOUBLE_VERSION:-3.259.0}"; exit 0; }
[ -e Pulumi.yaml ] || { echo "not in the project's folder" >&2; exit 64; }
echo "pulumi $*" >> "$WORLD/diary"
echo "url=$PULUMI_BACKEND_URL file=$PULUMI_CONFIG_PASSPHRASE_FILE word=${PULUMI_CONFIG_PASSPHRASE-none}" \
  >> "$WORLD/environment"
state="${PULUMI_BACKEND_URL#file://}"; state="${state:-$WORLD/cloud}"
known() { [ -e "$state/stacks/$1" ] || { echo "error: no stack named '$1' found" >&2; exit 255; }; }
locked() {
  for lock in "$state"/.pulumi/locks/organization/kubernetes-emerging/"$1"/*.json; do [ -e "$lock" ] && return 0; done
  return 1
}
case "$*" in
  "whoami --json")
    [ -n "$PULUMI_BACKEND_URL" ] && { echo "{\"user\": \"someone\", \"url\": \"$PULUMI_BACKEND_URL\"}"; exit 0; }
    [ -e "$WORLD/logged-in" ] || { echo "error: PULUMI_ACCESS_TOKEN must be set" >&2; exit 255; }
    echo '{"user": "someone", "url": "https://app.pulumi.com/someone"}' ;;
  "stack select $3 --create --non-interactive"|\
  "stack select $3 --create --non-interactive --secrets-provider passphrase")
    mkdir -p "$state/stacks"; touch "$state/stacks/$3"
    if [ "$6" = --secrets-provider ]; then
      [ -r "$PULUMI_CONFIG_PASSPHRASE_FILE" ] || { echo "error: passphrase must be set" >&2; exit 255; }
      grep -q encryptionsalt "Pulumi.$3.yaml" 2>/dev/null || echo "encryptionsalt: v1:double" >> "Pulumi.$3.yaml"
    fi ;;
  "stack ls --json")
    names=""
    for file in "$state"/stacks/*; do [ -e "$file" ] && names="$names, {\"name\": \"${file##*/}\"}"; done
    echo "[${names#, }]" ;;
  "stack output --json --stack $5") known "$5"; echo '{"namespace": "kubernetes-emerging-dev", "word": "[secret]"}' ;;
  "stack rm --stack $4 --yes --force --preserve-config") known "$4"; rm -r "$state/stacks/$4" ;;
  "cancel --stack $3 --yes") known "$3"; rm -rf "$state/.pulumi/locks" ;;
  "up --stack $3 --yes --non-interactive"|"preview --stack $3 --non-interactive"|\
  "refresh --stack $3 --yes --non-interactive"|"destroy --stack $3 --yes --non-interactive")
    known "$3"
    if locked "$3" || [ -e "$WORLD/locked" ]; then
      echo "error: the stack is currently locked by 1 lock(s)." >&2; exit 255
    fi
    echo "Updating ($3):"
    [ -e "$WORLD/fails" ] && { echo "error: update failed" >&2; exit 255; }
    if [ -e "$WORLD/slow" ]; then
      trap 'echo "error: update canceled" >&2; echo interrupted >> "$WORLD/diary"; exit 255' INT
      touch "$WORLD/at-work"
      while :; do sleep 0.02; done
    fi ;;
  *) echo "the pulumi double does not know: $*" >&2; exit 64 ;;
esac
"""


def put_on_path(folder: Path) -> Path:
    """Write the double into `folder`, to be the first on PATH, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    program.write_text(_PULUMI)
    program.chmod(0o755)
    return folder


def environments(world: Path) -> set[str]:
    """Return the variables that the calls so far were given, each combination once."""
    return set((world / "environment").read_text().splitlines())
