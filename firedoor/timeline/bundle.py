"""The container of an export: a zip with one possible form for its contents.

Members are stored, in the order of their names, with fixed times and modes. So a verifier can build the container again
and compare: a byte changed anywhere, also in the zip's own fields, is seen. Pure.
"""

import binascii
import struct
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END64_MARK, _LOCATOR64_MARK = b"PK\x06\x06", b"PK\x06\x07"
_VERSION = 20
_VERSION64 = 45
_MADE_ON_UNIX = 3 << 8 | _VERSION
_FIRST_OF_1980 = 0x21
_MODE = 0o100644 << 16
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The members that could be read, and what is wrong with the container; nothing if it is as `pack` made it."""

    files: dict[str, bytes]
    faults: tuple[str, ...]


def pack(files: Mapping[str, bytes]) -> bytes:
    """The container of these files. Raises `ValueError` above 4 GiB."""
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name in sorted(files):
        data, path = files[name], name.encode()
        common = (0, 0, 0, _FIRST_OF_1980, binascii.crc32(data), len(data), len(data), len(path), 0)
        header = _LOCAL.pack(_LOCAL_MARK, _VERSION, *common)
        if offset + len(header) + len(path) + len(data) > _MAX32:
            raise ValueError("more than 4 GiB")
        directory += [_CENTRAL.pack(_CENTRAL_MARK, _MADE_ON_UNIX, _VERSION, *common, 0, 0, 0, _MODE, offset), path]
        parts += [header, path, data]
        offset += len(header) + len(path) + len(data)
    return b"".join([*parts, *directory, _end(len(files), sum(map(len, directory)), offset)])


def _end(count: int, size: int, offset: int) -> bytes:
    end = _END.pack(_END_MARK, 0, 0, min(count, _MAX16), min(count, _MAX16), min(size, _MAX32), offset, 0)
    if count < _MAX16 and size < _MAX32:
        return end
    end64 = _END64.pack(
        _END64_MARK, _END64.size - 12, 3 << 8 | _VERSION64, _VERSION64, 0, 0, count, count, size, offset
    )
    return end64 + _LOCATOR64.pack(_LOCATOR64_MARK, 0, offset + size, 1) + end


def unpack(data: bytes) -> Unpacked:
    """Read a container as `pack` makes it, and say where it differs from one."""
    files: dict[str, bytes] = {}
    faults: list[str] = []
    offset = 0
    while data[offset : offset + 4] == _LOCAL_MARK:
        if offset + _LOCAL.size > len(data):
            break
        size, name_size = _LOCAL.unpack_from(data, offset)[7], _LOCAL.unpack_from(data, offset)[9]
        start = offset + _LOCAL.size
        end = start + name_size + size
        name = data[start : start + name_size].decode("ascii", "replace")
        if end > len(data):
            faults.append(f"The file {name!r} is cut off.")
            break
        if name in files:
            faults.append(f"The file {name!r} is there twice.")
        files.setdefault(name, data[start + name_size : end])
        offset = end
    again = pack(files)
    if again != data:
        # The shortest beginning that differs, halving: a loop over the bytes would take longer than all the rest.
        shorter = range(min(len(again), len(data)))
        at = bisect_left(shorter, True, key=lambda last: again[: last + 1] != data[: last + 1])
        where = f"from byte {at:,} on"
        faults.append(f"The zip file is not as firedoor writes it, {where}: it was changed, or packed again.")
    return Unpacked(files, tuple(faults))
