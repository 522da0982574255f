"""The stack's config, checked as a whole before anything is registered."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pulumi

# What the cluster programs have in common is one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster_config import Checks


@dataclass(frozen=True)
class Settings:
    """The stack's config with its defaults filled in."""

    project: str
    location: str
    name: str
    channel: str
    version: str
    authorized_networks: list[str]
    machine_type: str
    min_nodes: int
    max_nodes: int
    wasm_nodes: int
    deletion_protection: bool

    @property
    def region(self) -> str:
        """The region of the location, which may be one of its zones."""
        return "-".join(self.location.split("-")[:2])


def load() -> Settings:
    """Return the settings; raise RunError that names each bad key."""
    checks = Checks()
    settings = Settings(
        # Without it the provider would take the project that `gcloud` has selected.
        project=checks.text("gcp:project", "[a-z][a-z0-9.:-]{4,}[a-z0-9]", "write the project's id"),
        location=checks.text("location", r"[a-z]+-[a-z]+\d+(-[a-z])?", "write a region or zone, such as europe-west3"),
        name=checks.text(
            "clusterName",
            "[a-z]([a-z0-9-]{0,38}[a-z0-9])?",
            "write 1 to 40 lower-case letters, digits and hyphens that begin with a letter and end without a hyphen",
            f"kubernetes-emerging-{pulumi.get_stack()}",
        ),
        channel=checks.choice("releaseChannel", "REGULAR", ("RAPID", "REGULAR", "STABLE", "EXTENDED")),
        version=checks.text(
            "kubernetesVersion",
            r"(1\.(3[3-9]|[4-9]\d)(\.\d+(-gke\.\d+)?)?)?",
            "write a version from 1.33 on, such as 1.35, or leave it out",
        ),
        authorized_networks=checks.networks("authorizedNetworks"),
        machine_type=checks.text("machineType", "[a-z0-9-]+", "write one such as e2-standard-2", "e2-standard-2"),
        min_nodes=checks.integer("minNodes", 1, 1, 1000),
        max_nodes=checks.integer("maxNodes", 2, 1, 1000),
        wasm_nodes=checks.integer("wasmNodes", 0, 0, 1000),
        deletion_protection=checks.flag("deletionProtection", default=True),
    )
    if settings.version.startswith("1.33") and settings.channel != "EXTENDED":
        checks.complain(
            "kubernetesVersion",
            f"standard support of 1.33 ended on 2026-08-03, and channel {settings.channel} no longer has it",
            "leave it out, or set releaseChannel to EXTENDED",
        )
    if settings.min_nodes > settings.max_nodes:
        checks.complain(
            "maxNodes", f"{settings.max_nodes} is less than minNodes", f"write {settings.min_nodes} or more"
        )
    checks.finish()
    return settings
