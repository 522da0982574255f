"""Secret leaves of the state: encrypted with AES-256-GCM under a key of the stack's own (`state.key`, mode 0600)."""

import base64
import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lab.engine.errors import EngineError
from lab.engine.values import SECRET, SIGNATURE, secret
from lab.files import write_atomically

KEY_BYTES = 32


def key(file: Path, *, content: bool) -> bytes:
    """Return the key of the state, a new one where the state has no content; raise EngineError where it is lost."""
    found = file.read_bytes() if file.exists() else b""
    if len(found) == KEY_BYTES:
        return found
    if content:
        msg = (
            f"{file} is missing or damaged, so the secrets in the state beside it cannot be read; put it back from a "
            f"copy, or remove {file.parent} together with the cluster that the state is of"
        )
        raise EngineError(msg)
    write_atomically(file, secrets.token_bytes(KEY_BYTES), 0o600)
    return file.read_bytes()


class Box:
    """Encrypts secret leaves for the state and decrypts them again."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, value: Any) -> Any:
        """Return a copy in which each marked secret holds a ciphertext in place of its value."""
        if isinstance(value, list):
            return [self.close(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get(SIGNATURE) != SECRET:
            return {key: self.close(item) for key, item in value.items()}
        nonce = secrets.token_bytes(12)
        sealed = nonce + self._cipher.encrypt(nonce, json.dumps(value["value"]).encode(), None)
        return {SIGNATURE: SECRET, "ciphertext": base64.b64encode(sealed).decode()}

    def open(self, value: Any) -> Any:
        """Return a copy with the ciphertexts decrypted. EngineError when the key does not fit."""
        if isinstance(value, list):
            return [self.open(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get(SIGNATURE) != SECRET:
            return {key: self.open(item) for key, item in value.items()}
        sealed = base64.b64decode(value["ciphertext"])
        try:
            return secret(json.loads(self._cipher.decrypt(sealed[:12], sealed[12:], None)))
        except InvalidTag as error:
            msg = "the state's secrets were encrypted with another key than state.key"
            raise EngineError(msg) from error
