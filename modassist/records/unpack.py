"""Files as they are -> plain bytes: gzip and Zstandard are recognised by their first bytes, not by the name alone.

Reading goes in constant memory, and a file that breaks off is an EOFError behind the last byte that could be read.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO, cast

import zstandard

CHUNK_BYTES = 1 << 16
UNREADABLE = (OSError, EOFError, zlib.error, zstandard.ZstdError)
"""What reading may raise half-way."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OTHER_PACKERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"PAR1": "Parquet", b"SQLite": "SQLite"}


class NotRecords(Exception):
    """The file as a whole is something else."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def unpacked(source: BinaryIO, name: str) -> io.BufferedReader:
    """The plain bytes of a file, as a stream. Closing it leaves `source` open. Raises NotRecords for other packers."""
    # read1 gives what a pipe has; read would wait until a whole chunk has come.
    read = cast("Any", getattr(source, "read1", source.read))
    head = source.read(8) or b""
    pieces = chain((head,), iter(lambda: cast(bytes, read(CHUNK_BYTES)), b""))
    if head.startswith(_GZIP):
        plain = gzip.GzipFile(fileobj=_buffered(pieces), mode="rb")
        return _buffered(iter(lambda: plain.read1(CHUNK_BYTES), b""))
    if head.startswith(_ZSTD):
        return _buffered(_unzstd(pieces))
    _refuse_other_packers(head, name)
    return _buffered(pieces)


def _refuse_other_packers(head: bytes, name: str) -> None:
    for magic, packer in _OTHER_PACKERS.items():
        if head.startswith(magic):
            raise NotRecords(f"is a {packer} file", "plain, .gz and .zst files are read")
    if not head and name.endswith((".gz", ".zst")):
        raise NotRecords("is empty, not even a compressed file", "copy it again")


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # zstandard's own stream_reader takes a file that breaks off for one that ends.
    frame = zstandard.ZstdDecompressor().decompressobj()
    for piece in pieces:
        while piece:
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(piece)
            piece = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream that `io.BufferedReader` can read. Closing it does not close where they come from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _buffered(pieces: Iterator[bytes]) -> io.BufferedReader:
    return io.BufferedReader(_Pieces(pieces), CHUNK_BYTES)
