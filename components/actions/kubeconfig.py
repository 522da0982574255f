"""Kubeconfigs as text: from a path, from kind, and what is wrong with one. Opens no connection."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

_KIND_SECONDS = 60

# Kubeconfig keys that name files, relative to the kubeconfig's own folder.
_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

# How to get the login programs of the clouds, where a kubeconfig does not say it itself.
_INSTALL = {
    "aws": "install the AWS CLI (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html)",
    "aws-iam-authenticator": "renew the kubeconfig with `aws eks update-kubeconfig`, which needs the AWS CLI only",
    "kubelogin": "install it with `az aks install-cli`",
    "gke-gcloud-auth-plugin": "install it with `gcloud components install gke-gcloud-auth-plugin`",
}


def read(path_or_content: str, context: str | None = None) -> str:
    """Return a kubeconfig's content, in which file names that were relative are absolute.

    Raises `ValueError` with a remedy for a missing or malformed file, an unknown context, a context that
    names a missing cluster or user, and an exec plugin that is not installed.
    """
    content, folder = _read(path_or_content)
    config = parse(content)
    _name, cluster, user = chosen(config, context)
    relative = False
    for section in (cluster, user):
        for key in _FILE_KEYS:
            if section.get(key) and not Path(section[key]).is_absolute():
                section[key] = str(folder / section[key])
                relative = True
    plugin = user.get("exec")
    if plugin:
        command = str(plugin.get("command", ""))
        if os.sep in command and not Path(command).is_absolute():
            plugin["command"] = command = str(folder / command)
            relative = True
        if not shutil.which(command):
            hint = _INSTALL.get(Path(command).name) or plugin.get("installHint")
            raise ValueError(
                f"the kubeconfig logs in with the program {command!r}, which is not installed: "
                + (str(hint).strip() if hint else "install it, or use a kubeconfig that needs no plugin")
            )
    return yaml.safe_dump(config) if relative else content


def of_kind(name: str) -> str:
    """Return the kubeconfig of the kind cluster of this name, as `kind get kubeconfig` writes it.

    Raises `ValueError` with a remedy where kind is not on PATH, or has no such cluster.
    """
    if not shutil.which("kind"):
        raise ValueError("kind is not on PATH: install it (https://kind.sigs.k8s.io), or name a kubeconfig")
    command = ["kind", "get", "kubeconfig", "--name", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_KIND_SECONDS)
    except subprocess.TimeoutExpired:
        raise ValueError(f"`{' '.join(command)}` does not end: look whether Docker or Podman answers") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise ValueError(
            f"there is no kind cluster {name!r} here ({said[-1] if said else f'exit code {done.returncode}'}): "
            f"make it with `kind create cluster --name {name}`, or write a name that `kind get clusters` lists"
        )
    return done.stdout


def _read(path_or_content: str) -> tuple[str, Path]:
    """Return the content and the folder that its relative names start from."""
    if is_content(path_or_content):
        return path_or_content, Path.cwd()
    path = Path(path_or_content).expanduser()
    try:
        return path.read_text(encoding="utf-8"), path.resolve().parent
    except FileNotFoundError:
        raise ValueError(f"kubeconfig file {path} does not exist: give the path of an existing kubeconfig") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not a text file"
        raise ValueError(f"kubeconfig file {path} cannot be read ({why}): check the path and its mode") from None


def is_content(path_or_content: str) -> bool:
    """Tell whether this is a kubeconfig's content rather than a path."""
    return "\n" in path_or_content or path_or_content.lstrip().startswith("{")


def parse(content: str) -> dict[str, Any]:
    """Return a kubeconfig as values. ValueError for what is none; its text is never quoted."""
    try:
        config = yaml.safe_load(content)
    except yaml.YAMLError as error:
        # The parser's own text would quote the content.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ValueError(f"the kubeconfig is not valid YAML{where}: fetch or write it anew") from None
    if not isinstance(config, dict) or not config.get("clusters"):
        raise ValueError("the kubeconfig names no clusters: give a whole kubeconfig")
    return config


def chosen(config: dict[str, Any], context: str | None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the context's name and its cluster and user entries."""
    contexts = _named(config, "contexts", "context")
    name = context or config.get("current-context")
    known = ", ".join(sorted(contexts)) or "none"
    if not name:
        raise ValueError(f"the kubeconfig has no current context: name one of: {known}")
    if name not in contexts:
        raise ValueError(f"the kubeconfig has no context {name!r}: name one of: {known}")
    entry = contexts[name]
    cluster = _named(config, "clusters", "cluster").get(str(entry.get("cluster")))
    if cluster is None or not cluster.get("server"):
        raise ValueError(f"context {name!r} of the kubeconfig names no cluster with a server: correct its cluster")
    user: dict[str, Any] | None = {}
    if entry.get("user"):
        user = _named(config, "users", "user").get(str(entry["user"]))
        if user is None:
            raise ValueError(f"context {name!r} names the user {entry['user']!r}, which the kubeconfig lacks: add it")
    return name, cluster, user or {}


def _named(config: dict[str, Any], section: str, key: str) -> dict[str, dict[str, Any]]:
    entries = config.get(section) or []
    if not isinstance(entries, list) or any(
        not isinstance(e, dict) or "name" not in e or not isinstance(e.get(key) or {}, dict) for e in entries
    ):
        raise ValueError(f"the kubeconfig's {section} are not a list of named entries: fetch or write it anew")
    for entry in entries:
        entry[key] = entry.get(key) or {}
    return {str(e["name"]): e[key] for e in entries}
