"""Which window a workload gets."""

from components.actions.client import Client
from components.actions.resize.deployment_window import DeploymentWindow
from components.actions.resize.journal import Journal
from components.actions.resize.kinds import Kind
from components.actions.resize.stateful_window import StatefulSetWindow
from components.actions.resize.window import Window

_WINDOWS: dict[Kind, type[Window]] = {"Deployment": DeploymentWindow, "StatefulSet": StatefulSetWindow}


def window_of(client: Client, namespace: str, name: str, journal: Journal) -> Window:
    """Return the window of a journal's workload."""
    return _WINDOWS[journal.kind](client, namespace, name, journal)
