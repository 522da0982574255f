"""The stack's config, checked as a whole before anything is registered."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pulumi

# What the cluster programs have in common is one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster_config import Checks

_ROLE_ARN = r"arn:aws[a-z-]*:iam::\d{12}:role/\S+"
_WRITE_ROLE = "write ARNs of IAM roles such as arn:aws:iam::123456789012:role/deployer"
_WRITE_USER_DATA = "write what `python -m components.actions wasm-nodes eks` prints into a file, and its path here"


@dataclass(frozen=True)
class Settings:
    """The stack's config with its defaults filled in."""

    name: str
    version: str
    extended_support: bool
    authorized_networks: list[str]
    admin_role_arns: list[str]
    instance_type: str
    min_nodes: int
    max_nodes: int
    wasm_nodes: int
    wasm_user_data: str
    nat_gateways: str
    deletion_protection: bool
    role_arn: str


def load() -> Settings:
    """Return the settings; raise RunError that names each bad key."""
    checks = Checks()
    # The AWS provider would take the region of whoever's shell this runs in, and the cluster would come up there.
    checks.text("aws:region", r"[a-z]{2}(-[a-z]+)+-\d", "write the region, such as eu-central-1")
    settings = Settings(
        name=checks.text(
            "clusterName",
            "[A-Za-z0-9][A-Za-z0-9_-]{0,99}",
            "write 1 to 100 letters, digits, hyphens and underscores that begin with a letter or digit",
            f"kubernetes-emerging-{pulumi.get_stack()}",
        ),
        version=checks.text("kubernetesVersion", r"1\.(3[3-9]|[4-9]\d)", "write a minor from 1.33 on", "1.35"),
        extended_support=checks.flag("extendedSupport", default=False),
        authorized_networks=checks.networks("authorizedNetworks"),
        admin_role_arns=checks.texts("adminRoleArns", _ROLE_ARN, _WRITE_ROLE),
        instance_type=checks.text(
            "instanceType", r"[a-z0-9-]+\.[a-z0-9-]+", "write one such as m6i.large", "m6i.large"
        ),
        min_nodes=checks.integer("minNodes", 2, 1, 1000),
        max_nodes=checks.integer("maxNodes", 4, 1, 1000),
        wasm_nodes=checks.integer("wasmNodes", 0, 0, 1000),
        wasm_user_data=_user_data(checks),
        nat_gateways=checks.choice("natGateways", "Single", ("Single", "OnePerAz")),
        deletion_protection=checks.flag("deletionProtection", default=True),
        role_arn=checks.text("kubeconfigRoleArn", f"({_ROLE_ARN})?", _WRITE_ROLE),
    )
    if settings.version == "1.33" and not settings.extended_support:
        checks.complain(
            "kubernetesVersion",
            "standard support of 1.33 ended on 2026-07-29",
            "write 1.35, or set extendedSupport to true, which costs more",
        )
    if settings.wasm_user_data and not settings.wasm_nodes:
        checks.complain("wasmUserData", "there is no pool that would have it", "set wasmNodes, too")
    if settings.min_nodes > settings.max_nodes:
        checks.complain(
            "maxNodes", f"{settings.max_nodes} is less than minNodes", f"write {settings.min_nodes} or more"
        )
    checks.finish()
    return settings


def _user_data(checks: Checks) -> str:
    """Return the content of the file that `wasmUserData` names, "" where it names none."""
    file = checks.text("wasmUserData", r"(\S(.*\S)?)?", "write the path of a file")
    if not file:
        return ""
    try:
        content = Path(file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        checks.complain("wasmUserData", f"{file} cannot be read ({error})", _WRITE_USER_DATA)
        return ""
    if "\nContent-Type: application/node.eks.aws\n" not in content:
        checks.complain("wasmUserData", f"{file} has no part for nodeadm", _WRITE_USER_DATA)
    return content
