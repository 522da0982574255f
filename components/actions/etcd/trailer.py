"""What tells that an etcd snapshot is whole: behind the database come the 32 bytes of its sha256.

`etcdutl snapshot status` does not look at them; `etcdutl snapshot restore` does, when it is too late to take another.
"""

import hashlib

_LENGTH = 32
# Pages of the database have 4 KiB, whatever the machine's are, or a multiple of it.
_PAGE = 512


class Trailer:
    """Takes a snapshot's bytes as they come; `fault` says at the end what is wrong, "" for a whole one."""

    def __init__(self) -> None:
        self.size = 0
        self._all = hashlib.sha256()
        self._database = hashlib.sha256()
        self._held = b""

    def add(self, content: bytes) -> None:
        """Take some more."""
        self.size += len(content)
        self._all.update(content)
        held = self._held + content
        self._database.update(held[:-_LENGTH])
        self._held = held[-_LENGTH:]

    @property
    def sha256(self) -> str:
        """The sha256 of everything, in hex."""
        return self._all.hexdigest()

    def fault(self) -> str:
        """Return what is wrong."""
        if self.size <= _LENGTH or self.size % _PAGE != _LENGTH:
            return f"it has {self.size} bytes, and no sha256 behind them: it was cut off"
        if self._database.digest() != self._held:
            return "its content is not that of the sha256 behind it: it was damaged or changed"
        return ""
