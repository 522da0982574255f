"""Debian packages, unpacked into the cache and never installed.

apt resolves and fetches, with the Debian archive's signatures, in folders of our own: the machine's package
database, lists and archives stay as they are. Its mirror, proxies and credentials are used where it has some.
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.cluster.building import Step
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.files import write_atomically
from lab.paths import cache_root

KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
MIRROR_VARIABLE = "LAB_DEBIAN_MIRROR"
_SUITES = "bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable"
# Raised when unpacking changes, so that older trees are not taken for today's.
_RECIPE = 2
_LISTS_LAST = 3600.0  # seconds: archives drop a package when a newer one comes


@dataclass(frozen=True)
class Root:
    """A file tree made of packages of one Debian release with what they depend on, less what `without` names."""

    name: str
    suite: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where the tree is or will be."""
        said = repr((_RECIPE, self.suite, self.packages, self.without))
        return cache_root() / "roots" / f"{self.name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def unpack(root: Root) -> None:
    """Fetch the packages of `root` and unpack them, whole or not at all.

    Raises ClusterError with what apt or dpkg-deb said.
    """
    world = cache_root() / "debian" / root.suite
    environment = _prepare(world, root.suite)
    names = _resolve(root, environment)
    run(["apt-get", "--yes", "--quiet", "--download-only", "install", *root.packages], env=environment)
    root.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.path.parent, prefix=f".{root.name}-") as folder:
        tree = Path(folder) / "root"
        tree.mkdir()
        for name in names:
            run(["dpkg-deb", "--extract", world / "archives" / name, tree])
        merge_usr(tree)
        tree.chmod(0o755)
        tree.rename(root.path)


def steps(roots: Iterable[Root]) -> list[Step]:
    """Return what makes those of `roots` that are not there yet."""
    return [
        (f"unpack Debian packages for {root.name}", partial(unpack, root)) for root in roots if not root.path.exists()
    ]


def forget_archives() -> None:
    """Remove apt's lists and archives from the cache: nothing needs them once the trees are unpacked."""
    shutil.rmtree(cache_root() / "debian", ignore_errors=True)


def mirror_of(listing: str) -> str:
    """Return the base URL of the machine's own Debian archive in `listing` (`apt-get update --print-uris`).

    Other software brings archives with the same suite names. The one that also has the suite's updates is Debian's,
    and so is one at the top of its host. Raises ClusterError where there is neither, as on a derived distribution,
    and `LAB_DEBIAN_MIRROR` does not name one.
    """
    if configured := os.environ.get(MIRROR_VARIABLE):
        return configured.rstrip("/")
    bases: list[str] = re.findall(rf"^'([^']+)/dists/(?:{_SUITES})/[^']*'", listing, re.MULTILINE)
    updated = [
        base for base in bases if re.search(rf"^'{re.escape(base)}/dists/[a-z]+-updates/", listing, re.MULTILINE)
    ]
    at_the_top = [base for base in bases if re.fullmatch(r"[a-z+]+://[^/]+/debian", base)]
    for base in [*updated, *at_the_top]:
        return base
    raise ClusterError(
        "apt on this machine knows no archive of Debian, whose packages the node is made of; name one that it can "
        f"reach: {MIRROR_VARIABLE}=<URL that ends in /debian> make up"
    )


def package_of(archive: str) -> str:
    """Return the package's name in an archive's file name, `libc6` of `libc6_2.41-12_amd64.deb`."""
    return archive.split("_", 1)[0]


def merge_usr(tree: Path) -> None:
    """Move what `tree` has in /bin, /sbin, /lib and /lib64 into /usr and leave links, as installed systems have."""
    for name in ("bin", "sbin", "lib", "lib64"):
        top, merged = tree / name, tree / "usr" / name
        if top.is_dir() and not top.is_symlink():
            shutil.copytree(top, merged, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(top)
        if merged.is_dir():
            top.symlink_to(f"usr/{name}")


def _resolve(root: Root, environment: Mapping[str, str]) -> list[str]:
    # apt lists only what is still to be fetched, so it is shown an empty folder of archives.
    nothing = f"Dir::Cache::archives={root.path.parent}/.none"
    listing = run(["apt-get", "-o", nothing, "--yes", "--print-uris", "install", *root.packages], env=environment)
    names = re.findall(r"^'[^']+' (\S+\.deb) \d+", listing, re.MULTILINE)
    if not names:
        raise ClusterError(f"apt resolved none of {', '.join(root.packages)} in Debian {root.suite}")
    return [name for name in names if package_of(name) not in root.without]


def _prepare(world: Path, suite: str) -> dict[str, str]:
    """Write apt's settings for one release, refresh its lists where they are old, and return its environment."""
    for folder in ("lists/partial", "archives/partial", "parts"):
        (world / folder).mkdir(parents=True, exist_ok=True)
    # Nothing counts as installed, so that every dependency is resolved and fetched.
    for file in ("status", "extended_states"):
        (world / file).touch()
    keyring = next((file for file in KEYRINGS if file.exists()), None)
    if keyring is None:
        raise ClusterError("the keys of the Debian archive are missing: apt-get install debian-archive-keyring")
    # The machine's own settings are left out but for how it reaches archives: others run hooks or pin packages.
    reaching = "".join(
        line + "\n"
        for line in run(["apt-config", "dump", "Acquire"]).splitlines()
        if not line.startswith(("Acquire::IndexTargets", "Acquire::Languages"))
    )
    settings = f"""{reaching}
Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "/dev/null";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{world}/parts";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "{world}";
Dir::State::lists "{world}/lists";
Dir::State::status "{world}/status";
Dir::State::extended_states "{world}/extended_states";
Dir::Cache "{world}";
Dir::Cache::archives "{world}/archives";
Dir::Log "{world}";
APT::Architecture "{_architecture()}";
APT::Architectures {{ "{_architecture()}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""
    write_atomically(world / "apt.conf", settings)
    # Not `--config-file`: that one is read after the machine's own settings, this one before them.
    environment = {**os.environ, "APT_CONFIG": str(world / "apt.conf"), "LC_ALL": "C"}
    mirror = mirror_of(run(["apt-get", "update", "--print-uris"]))
    source = f"Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nSigned-By: {keyring}\n"
    refreshed = world / "refreshed"
    if not (
        refreshed.exists() and refreshed.read_text() == source and time.time() - refreshed.stat().st_mtime < _LISTS_LAST
    ):
        refreshed.unlink(missing_ok=True)
        write_atomically(world / "parts" / "debian.sources", source)
        try:
            # Without this setting apt calls an archive that it cannot reach a warning, and succeeds.
            run(["apt-get", "-o", "APT::Update::Error-Mode=any", "--quiet", "update"], env=environment)
        except ClusterError as error:
            raise ClusterError(
                f"apt cannot read Debian {suite} from {mirror}; mend that, or name another archive of Debian: "
                f"{MIRROR_VARIABLE}=<URL that ends in /debian> make up\n{error}"
            ) from error
        write_atomically(refreshed, source)
    return environment


def _architecture() -> str:
    return run(["dpkg", "--print-architecture"]).strip()
