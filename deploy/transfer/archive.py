"""The archive: a zip of a few entries with fixed names, each a row of msgpack records, and a manifest with checksums.

Nothing is ever unpacked to a folder, and an entry of another name makes the archive refused: no path in it is trusted.
The manifest is written last, so that an archive that was cut is known by its lack.
"""

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from shared.errors import BadInput

T = TypeVar("T")

FORMAT = 1
MANIFEST = "manifest.json"
TENANT, SECRETS, KEYS, POINTS = "tenant", "secrets", "keys", "points"
ENTRIES = (TENANT, SECRETS, KEYS, POINTS)
MOST_RECORD_BYTES = 64 * 1024 * 1024
"""A page of feedback or of vectors takes a few MB; a larger length is damage, or an attempt to fill the memory."""
MOST_MANIFEST_BYTES = 1024 * 1024
LENGTH = struct.Struct(">I")
DAMAGED = "The archive is damaged: nothing was imported. Export it again, or copy it again"
_encode = msgspec.msgpack.Encoder().encode


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: how many records, and the SHA-256 of its plain bytes."""

    records: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive is; `embedding` and `size` are the model of its vectors. Older versions read `format` first."""

    format: int
    host: str
    version: str
    created_at: datetime
    embedding: str
    size: int
    entries: dict[str, Entry]


class _Format(msgspec.Struct):
    format: int


class ArchiveWriter:
    """Writes one archive, an entry after the other."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.entries: dict[str, Entry] = {}

    @contextmanager
    def entry(self, name: str) -> Iterator["EntryWriter"]:
        """An entry to write records to."""
        with self._file.open(name, "w", force_zip64=True) as raw:
            writer = EntryWriter(raw)
            yield writer
        self.entries[name] = Entry(records=writer.records, sha256=writer.digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, which makes the archive a whole one."""
        self._file.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


class EntryWriter:
    """Writes the records of one entry."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.digest = hashlib.sha256()
        self.records = 0

    def write(self, records: Iterable[Any]) -> None:
        """Append records; takes some milliseconds a megabyte."""
        for record in records:
            packed = _encode(record)
            for part in (LENGTH.pack(len(packed)), packed):
                self.digest.update(part)
                self._raw.write(part)
            self.records += 1


@contextmanager
def writing(path: Path) -> Iterator[ArchiveWriter]:
    """An archive under construction beside `path`, which it takes the place of when it is whole; 0600.

    Raises:
        BadInput: the file can't be written.
    """
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            yield ArchiveWriter(file)
        draft.replace(path)
    except OSError as error:
        raise BadInput(f"{path} can't be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


class ArchiveReader:
    """Reads an archive that nobody vouches for."""

    def __init__(self, file: zipfile.ZipFile, manifest: Manifest) -> None:
        self._file = file
        self.manifest = manifest

    def records(self, name: str, form: type[T], digest: Any = None) -> Iterator[T]:
        """The records of an entry, checked by their form; their bytes go through `digest`, too. None if it is absent.

        Raises:
            BadInput: it is damaged.
        """
        decode = msgspec.msgpack.Decoder(form).decode
        if name not in self.manifest.entries:
            return
        try:
            with self._file.open(name) as raw:
                while head := raw.read(LENGTH.size):
                    [size] = LENGTH.unpack(head)
                    body = raw.read(size) if size <= MOST_RECORD_BYTES else b""
                    if len(body) != size:
                        raise BadInput(DAMAGED)
                    if digest is not None:
                        digest.update(head)
                        digest.update(body)
                    yield decode(body)
        except (zipfile.BadZipFile, zlib.error, struct.error, msgspec.MsgspecError, EOFError, OSError) as error:
            raise BadInput(DAMAGED) from error

    def check(self, name: str, form: type[T], look: Callable[[T], None]) -> None:
        """Read an entry to its end, look at each record, and compare the whole with the manifest.

        Raises:
            BadInput: it is not what was written.
        """
        digest, count = hashlib.sha256(), 0
        for record in self.records(name, form, digest):
            look(record)
            count += 1
        if name in self.manifest.entries:
            told = self.manifest.entries[name]
            if (told.records, told.sha256) != (count, digest.hexdigest()):
                raise BadInput(DAMAGED)


@contextmanager
def reading(path: Path) -> Iterator[ArchiveReader]:
    """An archive of a format that this version knows.

    Raises:
        BadInput: it is none, is damaged, or of another version.
    """
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInput(f"{path} is no archive of `canvas export`, or was cut: nothing was imported") from error
    with file:
        yield ArchiveReader(file, _manifest(file))


def _manifest(file: zipfile.ZipFile) -> Manifest:
    names = file.namelist()
    if sorted(names) != sorted(set(names)) or not set(names) <= {MANIFEST, *ENTRIES} or MANIFEST not in names:
        raise BadInput("The archive holds something that no export writes: nothing was imported")
    try:
        with file.open(MANIFEST) as raw:
            text = raw.read(MOST_MANIFEST_BYTES)
        found = msgspec.json.decode(text, type=_Format).format
        if found != FORMAT:
            raise BadInput(f"The archive has format {found}, this version knows {FORMAT}: nothing was imported")
        manifest = msgspec.json.decode(text, type=Manifest)
    except (zipfile.BadZipFile, zlib.error, msgspec.MsgspecError, EOFError) as error:
        raise BadInput(DAMAGED) from error
    if set(manifest.entries) != set(names) - {MANIFEST} or TENANT not in manifest.entries:
        raise BadInput(DAMAGED)
    return manifest
