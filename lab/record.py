"""What the lab found for a stack: the file by which the program's Target learns where to deploy.

`.lab/<stack>/record.json`, mode 0600, is the whole contract between the lab and `components`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.errors import LabError
from lab.files import write_atomically

VERSION = 1


@dataclass(frozen=True)
class Record:
    """Which engine and which cluster a stack uses."""

    name: str
    """The cluster instance's name."""
    root: str
    """Absolute path of the project's folder, from which a moved folder is told from a copied one."""
    kubeconfig: str
    """Absolute path."""
    context: str
    cluster_id: str
    """UID of the namespace kube-system; empty until the cluster has been up, or where it must not be read."""
    engine: str = "lab"
    """`lab` or `pulumi`."""
    cluster: str = "node"
    """`node`, `kind`, `simulated`, or `given` for one that the lab did not make."""
    platform: str = "lab"
    """Which images there are: those of the lab's `lab`, those of `kind`, or `public` ones."""
    backend: str = ""
    """Where the official CLI keeps the stack's state: `own`, or the URL that it names; empty with the lab's engine."""
    minor: str = ""
    """The Kubernetes minor that the cluster was asked for; empty for the lab's default."""
    version: int = VERSION


def record_file(stack_dir: Path) -> Path:
    """Return where the record of the stack with this folder is."""
    return stack_dir / "record.json"


def write_record(stack_dir: Path, record: Record) -> None:
    """Write the record, whole or not at all; leave the file untouched where it says the same already."""
    if read_record(stack_dir) == record:
        return
    content = json.dumps(asdict(record), indent=2) + "\n"
    write_atomically(record_file(stack_dir), content, 0o600)


def read_record(stack_dir: Path) -> Record | None:
    """Return the record, or None where there is none (`make up` has not got that far, or `make down` ran).

    A record that cannot be read is a `LabError` that names the file.
    """
    path = record_file(stack_dir)
    try:
        record = Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LabError(f"{path} is damaged ({error}). Remove it and run `make up` again.") from error
    if record.version != VERSION:
        raise LabError(
            f"{path} has version {record.version!r}, this lab knows version {VERSION}: another release "
            "wrote it. Run `make down` with that one, or remove the file."
        )
    return record


def forget_record(stack_dir: Path) -> None:
    """Remove the record, if there is one."""
    record_file(stack_dir).unlink(missing_ok=True)
