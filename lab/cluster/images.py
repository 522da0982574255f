"""The container images that exist on the lab's node, and what each holds.

No registry is needed: they are made of Debian packages and of our own binaries. The two nginx and the rsyslog
images satisfy the `restricted` Pod Security level: user 101, a read-only root, only /tmp and mounted volumes
written to. The nginx images keep the contract of the public unprivileged nginx image: port 8080, the main
configuration includes /etc/nginx/conf.d/*.conf, logs go to the standard streams, SIGQUIT ends them gracefully.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.cluster import golang
from lab.cluster.building import Step
from lab.cluster.commands import run
from lab.cluster.debian import Root
from lab.cluster.oci import Content, Entry, File, Folder, Link, write_archive
from lab.paths import cache_root

NGINX_1_22 = "localhost/nginx:1.22"
NGINX_1_26 = "localhost/nginx:1.26"
RSYSLOG = "localhost/rsyslog:8"
COREDNS = "localhost/coredns:1.12"
PAUSE = "localhost/pause:1"
WASM_DEMO = "localhost/wasm-demo:1"

USER = 101

# What the packages need only while they are installed, or for what these images do not do.
_INSTALL_ONLY = ("debconf", "gcc-12-base", "gcc-14-base")
_NOT_FOR_NGINX = (
    *_INSTALL_ONLY,
    *("iproute2", "libelf1", "libelf1t64", "libbpf1", "libbsd0", "libmd0", "libmnl0", "libxtables12"),
    *("libcap2", "libcap2-bin", "libdb5.3", "libdb5.3t64", "libtirpc-common", "libtirpc3", "libtirpc3t64"),
    *("libgssapi-krb5-2", "libkrb5-3", "libkrb5support0", "libk5crypto3", "libcom-err2", "libkeyutils1"),
    *("libselinux1", "openssl-provider-legacy"),
)

NGINX_1_22_ROOT = Root("nginx-1.22", "bookworm", ("nginx", "busybox-static"), _NOT_FOR_NGINX)
NGINX_1_26_ROOT = Root("nginx-1.26", "trixie", ("nginx", "busybox-static"), _NOT_FOR_NGINX)
RSYSLOG_ROOT = Root("rsyslog-8", "trixie", ("rsyslog", "busybox-static"), _INSTALL_ONLY)

_NGINX_CONF = """\
worker_processes auto;
error_log /dev/stderr notice;
pid /tmp/nginx.pid;

events {
    worker_connections 1024;
}

http {
    proxy_temp_path /tmp/proxy_temp;
    client_body_temp_path /tmp/client_temp;
    fastcgi_temp_path /tmp/fastcgi_temp;
    uwsgi_temp_path /tmp/uwsgi_temp;
    scgi_temp_path /tmp/scgi_temp;

    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    log_format main '$remote_addr - $remote_user [$time_local] "$request" '
                    '$status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
    access_log /dev/stdout main;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
"""

_NGINX_SITE = """\
server {
    listen 8080;
    server_name localhost;

    location / {
        root /usr/share/nginx/html;
        index index.html;
    }
}
"""

_NGINX_PAGE = "<!DOCTYPE html>\n<title>nginx</title>\n<h1>nginx is running</h1>\n"

_ACCOUNTS: dict[str, Entry] = {
    "etc/passwd": File(
        f"root:x:0:0:root:/root:/bin/sh\nnginx:x:{USER}:{USER}:nginx:/nonexistent:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n".encode()
    ),
    "etc/group": File(f"root:x:0:\nnginx:x:{USER}:\nnogroup:x:65534:\n".encode()),
    "etc/nsswitch.conf": File(b"passwd: files\ngroup: files\nhosts: files dns\n"),
    "tmp": Folder(0o1777),
}

_SLIMMED = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "usr/share/lintian/",
    "usr/share/bug/",
    "usr/share/bash-completion/",
    "usr/share/info/",
    "usr/lib/systemd/",
    "usr/lib/tmpfiles.d/",
    "usr/lib/x86_64-linux-gnu/gconv/",
    "usr/lib/aarch64-linux-gnu/gconv/",
    "usr/lib/locale/",
    "etc/init.d/",
    "etc/cron",
    "etc/logrotate.d/",
    "lib/systemd/",
)


@dataclass(frozen=True)
class Image:
    """One image: its full name, and the Debian tree or the binary that it is made of."""

    name: str
    root: Root | None = None
    binary: str = ""

    @property
    def archive(self) -> Path:
        """Where the image's archive is or will be; the name comes from what it is made of."""
        made_of = str(self.root.path.name if self.root else golang.find(self.binary))
        extra = repr((self._extra_key(), _SLIMMED))
        digest = hashlib.sha256(f"{self.name}\n{made_of}\n{extra}".encode()).hexdigest()[:12]
        return cache_root() / "images" / f"{self.name.rpartition('/')[2].replace(':', '-')}-{digest}.tar"

    def _extra_key(self) -> str:
        return json.dumps(_configuration(self), sort_keys=True) + repr(sorted(_own_files(self).items()))


IMAGES = (
    Image(PAUSE, binary="pause"),
    Image(COREDNS, binary="coredns"),
    Image(NGINX_1_22, NGINX_1_22_ROOT),
    Image(NGINX_1_26, NGINX_1_26_ROOT),
    Image(RSYSLOG, RSYSLOG_ROOT),
    # A plain Linux image that no Linux can run: what starts it has to be a WASM runtime.
    Image(WASM_DEMO, binary=golang.WASM_MODULE.name),
)


def steps(wanted: Iterable[Image]) -> list[Step]:
    """Return what makes those of `wanted` that are not there yet; their trees and binaries have to be."""
    return [(f"make image {image.name}", partial(make, image)) for image in wanted if not image.archive.exists()]


def make(image: Image) -> None:
    """Write the archive of `image` from its unpacked tree or its built binary."""
    extra = _own_files(image)
    if image.root:
        extra |= _applets(image.root.path)
    else:
        extra[image.binary] = File(golang.find(image.binary).read_bytes(), 0o755)
    content = Content(
        config=_configuration(image),
        extra=extra,
        tree=image.root.path if image.root else None,
        keep=lambda path: not path.startswith(_SLIMMED),
    )
    write_archive(image.archive, image.name, content)


def _configuration(image: Image) -> dict[str, object]:
    path = {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}
    match image.name:
        case name if name in {NGINX_1_22, NGINX_1_26}:
            return path | {
                "User": str(USER),
                "Entrypoint": ["nginx", "-e", "/dev/stderr"],
                "Cmd": ["-g", "daemon off;"],
                "ExposedPorts": {"8080/tcp": {}},
                "StopSignal": "SIGQUIT",
            }
        case name if name == RSYSLOG:
            return path | {
                "User": str(USER),
                "Entrypoint": ["rsyslogd", "-n", "-i", "NONE"],
                "Cmd": ["-f", "/etc/rsyslog.conf"],
            }
        case name if name == PAUSE:
            # youki, unlike runc and crun, starts nothing that has no PATH, though this one is named by its own.
            return path | {"User": "65534:65534", "Entrypoint": [f"/{image.binary}"]}
        case name if name == WASM_DEMO:
            return {"User": "65532:65532", "Entrypoint": [f"/{image.binary}"]}
        case _:
            return {"User": "65534:65534", "Entrypoint": [f"/{image.binary}"]}


def _own_files(image: Image) -> dict[str, Entry]:
    if image.root is None:
        return {}
    if image.name == RSYSLOG:
        return dict(_ACCOUNTS)
    return _ACCOUNTS | {
        "etc/nginx/nginx.conf": File(_NGINX_CONF.encode()),
        "etc/nginx/conf.d/default.conf": File(_NGINX_SITE.encode()),
        "usr/share/nginx/html/index.html": File(_NGINX_PAGE.encode()),
        "var/log/nginx/access.log": Link("/dev/stdout"),
        "var/log/nginx/error.log": Link("/dev/stderr"),
        "var/lib/nginx": Folder(),
    }


def _applets(tree: Path) -> dict[str, Entry]:
    """Link busybox's programs where the packages bring none of their own."""
    applets = run([tree / "bin" / "busybox", "--list"]).split()
    return {
        f"usr/bin/{applet}": Link("busybox")
        for applet in applets
        if not any(
            (tree / folder / applet).is_symlink() or (tree / folder / applet).exists()
            for folder in ("usr/bin", "usr/sbin")
        )
    }
