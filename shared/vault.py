"""Secrets at rest: AES-GCM with rotatable master keys, and keyed hashes for what is only compared.

A ciphertext is bound to the tenant it belongs to and to its purpose (associated data), so that one copied to another
place can't be decrypted there. The first master key encrypts, all of them decrypt. To rotate: put a new key first and
restart every process, run `canvas tenant reencrypt`, then take the old key away and restart again.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import StartupError
from shared.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12


class Vault:
    """Encrypts, decrypts and hashes with the process's master keys."""

    def __init__(self, master_keys: list[bytes]) -> None:
        if not master_keys or any(len(key) != KEY_BYTES for key in master_keys):
            raise StartupError("CANVAS_MASTER_KEYS must hold base64 keys of 32 bytes: run `openssl rand -base64 32`")
        self._keys = master_keys
        self._ciphers = [AESGCM(key) for key in master_keys]

    @classmethod
    def from_settings(cls, settings: Settings) -> "Vault":
        """Keys from the settings, else from `<data_dir>/master.key`, which is made at the first start.

        Both may hold several, separated by commas or white space.

        Raises:
            StartupError: a key is malformed, or the key file can't be read or written.
        """
        if settings.master_keys is not None:
            return cls(_decode_keys(settings.master_keys.get_secret_value()))
        path = settings.data_dir / "master.key"
        try:
            return cls(_decode_keys(_read_or_make(path)))
        except OSError as error:
            raise StartupError(f"The key file {path} can't be used: {error.strerror}") from error

    def encrypt(self, secret: str, host: str, purpose: str = "") -> bytes:
        """Ciphertext of `secret` under the first master key, bound to the tenant `host` and to a purpose."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, secret.encode(), _bound_to(host, purpose))

    def decrypt(self, sealed: bytes, host: str, purpose: str = "") -> str:
        """The secret that was encrypted for `host` and `purpose`.

        Raises:
            StartupError: no master key fits: the data folder or the keys belong to another installation.
        """
        secret, _ = self._open(sealed, host, purpose)
        return secret

    def is_current(self, sealed: bytes, host: str, purpose: str = "") -> bool:
        """Whether the first master key encrypted this; raises like `decrypt`."""
        _, key = self._open(sealed, host, purpose)
        return key == 0

    def _open(self, sealed: bytes, host: str, purpose: str) -> tuple[str, int]:
        nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for number, cipher in enumerate(self._ciphers):
            try:
                return cipher.decrypt(nonce, encrypted, _bound_to(host, purpose)).decode(), number
            except InvalidTag:
                continue
        raise StartupError(f"The stored credentials of {host} can't be decrypted: check CANVAS_MASTER_KEYS")

    def keyed_hash(self, secret: str, host: str) -> str:
        """HMAC-SHA256 of `secret` for `host` under the first master key, 64 hex digits."""
        return hmac.digest(self._keys[0], host.encode() + b"\0" + secret.encode(), "sha256").hex()

    def matches(self, secret: str, host: str, stored_hash: str) -> bool:
        """Whether `stored_hash` is a keyed hash of `secret`; the time does not depend on where they differ."""
        found = [hmac.compare_digest(candidate, stored_hash) for candidate in self._hashes(secret, host)]
        return any(found)

    def derived_keys(self, purpose: str) -> list[tuple[str, bytes]]:
        """A key of 32 bytes derived from each master key for one purpose, the first one's first, with a public id.

        HKDF's expand step (RFC 5869) with one block: the master keys are uniform already.
        """
        info = f"prompt-canvas {purpose}".encode()
        made = [hmac.digest(key, info + b"\x01", "sha256") for key in self._keys]
        return [(hashlib.sha256(b"id\0" + key).hexdigest()[:16], key) for key in made]

    def _hashes(self, secret: str, host: str) -> list[str]:
        message = host.encode() + b"\0" + secret.encode()
        return [hmac.new(key, message, hashlib.sha256).hexdigest() for key in self._keys]


def new_secret() -> str:
    """A webhook secret: 43 URL-safe characters, 256 bits."""
    return secrets.token_urlsafe(32)


def _bound_to(host: str, purpose: str) -> bytes:
    return f"{host}\0{purpose}".encode() if purpose else host.encode()


def _decode_keys(text: str) -> list[bytes]:
    return [_decode_key(part) for part in re.split(r"[\s,]+", text.strip())]


def _decode_key(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise StartupError("CANVAS_MASTER_KEYS is not valid base64: run `openssl rand -base64 32`") from error


def _read_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        own = path.with_name(f"{path.name}.{os.getpid()}")
        own.unlink(missing_ok=True)
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)).decode())
            file.flush()
            os.fsync(file.fileno())
        # Whole or not at all, and of two processes that start at once both use the key of the quicker one.
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text("ascii")
