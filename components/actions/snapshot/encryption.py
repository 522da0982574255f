"""Who can read the Secrets of a snapshot: any one of several age recipients.

age (https://age-encryption.org/v1) encrypts a file for each of its recipients; their number is not limited, each keeps
an identity of their own, and one that was lost is replaced by `rekey`. Recipients are `age1…`, or the public keys of
SSH (`ssh-ed25519 …`); identities are files as `age-keygen` and `ssh-keygen` write them.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pyrage

from components.actions.errors import ActionError

Identities = Sequence[pyrage.x25519.Identity | pyrage.ssh.Identity]


class Recipients:
    """Those for whom something is encrypted. Raises `ActionError` that names every text which is no recipient."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(dict.fromkeys(text.strip() for text in texts))
        self._keys: list[pyrage.x25519.Recipient | pyrage.ssh.Recipient] = []
        wrong = []
        for text in self.texts:
            if text.upper().startswith("AGE-SECRET-KEY-"):
                # It must not be shown: it is the secret itself.
                wrong.append("an identity (AGE-SECRET-KEY-…) is given where a recipient belongs")
                continue
            try:
                ssh = text.startswith("ssh-")
                self._keys.append((pyrage.ssh if ssh else pyrage.x25519).Recipient.from_str(text))
            except pyrage.RecipientError:
                wrong.append(f"{text[:80]!r} is no recipient")
        if wrong:
            raise ActionError(f"{'; '.join(wrong)}: write age1…, as `keygen` prints it, or an SSH public key")

    def __bool__(self) -> bool:
        return bool(self._keys)

    def encrypt(self, content: bytes) -> bytes:
        """Return what only these recipients can read."""
        return cast("bytes", pyrage.encrypt(content, self._keys))

    def encrypt_stream(self, source: Any, target: Any) -> None:
        """Write what can be read from one file to another, which only these recipients can read.

        Raises `ActionError` when that takes no more.
        """
        try:
            pyrage.encrypt_io(source, target, self._keys)
        except pyrage.EncryptError as error:
            why = str(error).removeprefix("OSError: ")
            raise ActionError(f"it cannot be written ({why}): make room, or choose another place") from None


def recipients_in(path: Path) -> Iterator[str]:
    """Yield the recipients in a file, one on a line; `#` begins a comment."""
    for line in _text(path).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def identities_in(path: Path) -> Identities:
    """Return the identities in a file: lines of `AGE-SECRET-KEY-…`, or an SSH private key without a passphrase."""
    text = _text(path)
    try:
        if "PRIVATE KEY-----" in text:
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        lines = [line.strip() for line in text.splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        found = []
    if not found:
        # What stands there is a secret, or was meant to be one.
        raise ActionError(f"{path} holds no identity: give the file that `keygen` or `age-keygen` wrote")
    return found


def decrypt(content: bytes, identities: Identities) -> bytes:
    """Return what was encrypted. Raises `ActionError` when none of the identities is one of the recipients'."""
    try:
        return cast("bytes", pyrage.decrypt(content, list(identities)))
    except pyrage.DecryptError:
        raise ActionError(
            "none of the identities opens it: give one whose recipient the manifest names, or another copy"
        ) from None


def decrypt_stream(source: Any, target: Any, identities: Identities) -> None:
    """Write what was encrypted to a file. Raises `ActionError` as `decrypt` does; part of it may be written then."""
    try:
        pyrage.decrypt_io(source, target, list(identities))
    except pyrage.DecryptError:
        raise ActionError(
            "none of the identities opens it: give one whose recipient the manifest names, or another copy"
        ) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise ActionError("it is damaged: take another copy") from None


def new_identity() -> tuple[str, str]:
    """Return the text of a new identity, which is a secret, and its recipient."""
    made = pyrage.x25519.Identity.generate()
    return str(made), str(made.to_public())


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ActionError(f"{path} cannot be read ({type(error).__name__}): give the path of a text file") from None
