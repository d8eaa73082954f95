"""Compiled programs kept on disk, so that the second run of a script does not compile what the first one did.

On by default. Entries live in the user's cache directory; the setting `compilation_cache_dir` or `BEVEL_CACHE_DIR` name
another, and the setting `enable_compilation_cache` (`BEVEL_ENABLE_COMPILATION_CACHE=0`) does without. The least
recently used go when the whole passes its limit (2 GiB; `BEVEL_CACHE_LIMIT`, in bytes).

What holds, whatever happens to the folder:

* A program is loaded only where it fits. The key covers the program, the options, jaxlib and the machine: the same
  folder on a network drive serves CPUs of several kinds, and none gets another's code.
* Nothing here fails. A damaged entry is a miss and is removed; a read-only or full disk costs a little time.
* Several processes may read, write and clear at once: an entry appears whole (`os.replace`) or not at all.
* Loading a compiled program runs it, so only the user's own files count: a folder that others can write to, or that
  belongs to somebody else, is left alone with one warning. Nothing is unpickled.

An entry is: magic, checksum, key, length of fields, length of program, fields (JSON, for `explain`), program (zlib).
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import logging
import os
import stat
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bevel.base import settings
from bevel.engine import threads
from bevel.engine.jaxlib_names import jaxlib_version

log = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 2 << 30

_MAGIC = b"BEVELXC1"  # the last character is the version of this layout
_CHECKSUM_BYTES = 16
_HEADER = struct.Struct("<32sIQ")  # key, length of fields, length of program
_BODY_AT = len(_MAGIC) + _CHECKSUM_BYTES
_SUFFIX = ".bevel-cache"
_TEMPORARY_SUFFIX = ".part"
_TEMPORARY_SECONDS = 3600  # a temporary file this old was left by a process that died
_SHOWN_CHARACTERS = 120  # longer fields are explained by their digest
_KEPT_FIELDS = 256  # how many keys of this process `store` can still write fields for
_RESCAN_STORES = 64  # other processes write too: count the folder anew now and then
_FAILURES_BEFORE_SILENCE = 3  # a disk that refused this often is not asked to write again by this process


@dataclass(frozen=True)
class Stats:
    """What a cache holds, and what this process had of it. `trouble` says why it is not used, if it is not."""

    folder: str
    entries: int
    bytes: int
    limit_bytes: int
    hits: int
    misses: int
    stored: int
    trouble: str | None

    def __str__(self):
        """In words, as the commands `bevel cache` and `bevel doctor` say it."""
        if not self.folder:
            return self.trouble or "none"
        programs = "program" if self.entries == 1 else "programs"
        held = f"{self.entries:,} {programs}, {self.bytes / 2**20:,.1f} of at most {self.limit_bytes / 2**20:,.0f} MiB"
        asked = f"; this process found {self.hits} and wrote {self.stored}" if self.hits or self.stored else ""
        return f"{held}, in {self.folder}{asked}{f'; not used: {self.trouble}' if self.trouble else ''}"


@dataclass(frozen=True)
class Explanation:
    """The fields behind one key, and how they differ from the most similar other entry on disk.

    fields   name -> the field itself, or its size and digest where it is long; empty where the key is unknown
    stored   whether an entry of this key is on disk
    differs  name -> (this key's, the other's) for the entry with fewest differences; empty where there is none
    """

    fields: Mapping[str, str]
    stored: bool
    differs: Mapping[str, tuple[str, str]]


class DiskCache:
    """Compiled programs in one folder. `folder` is made, private to the user, when first needed."""

    def __init__(self, folder: str | os.PathLike[str], limit_bytes: int = DEFAULT_LIMIT_BYTES):
        self.folder = Path(folder)
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._trouble: str | None = None
        self._opened = False
        self._fields: dict[str, dict[str, str]] = {}
        self._bytes_about: int | None = None
        self._stores_since_scan = 0
        self._failures = 0
        self._hits = self._misses = self._stored = 0

    # ---- keys

    def key_of(self, fields: Mapping[str, bytes | str]) -> str:
        """The name of a program: sha256 over its fields, in any order. Remembered, so that `explain` can tell them."""
        digest = hashlib.sha256()
        for name in sorted(fields):
            value = fields[name]
            raw = value.encode() if isinstance(value, str) else value
            # Lengths first: otherwise two splits of the same characters would be one key.
            digest.update(f"{len(name.encode())} {len(raw)} ".encode())
            digest.update(name.encode())
            digest.update(raw)
        key = digest.hexdigest()
        with self._lock:
            if len(self._fields) >= _KEPT_FIELDS:
                self._fields.pop(next(iter(self._fields)))
            self._fields[key] = {name: _shown(fields[name]) for name in sorted(fields)}
        return key

    # ---- reading and writing

    def load(self, key: str) -> bytes | None:
        """The program stored under this key, or None. A hit counts as use; a damaged entry is removed."""
        data = self._load(key) if self._is_usable(create=False) else None
        with self._lock:
            if data is None:
                self._misses += 1
            else:
                self._hits += 1
        return data

    def _load(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            with open(path, "rb") as file:
                if not _is_private(os.fstat(file.fileno())):
                    log.debug("compilation cache: %s is not only ours, left alone", path)
                    return None
                raw = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.debug("compilation cache: cannot read %s: %s", path, error)
            return None
        entry = _decode(raw, key)
        if entry is None:
            log.debug("compilation cache: %s is damaged, removed", path)
            _remove(path)
            return None
        try:
            os.utime(path)  # makes it the most recently used
        except OSError:
            pass
        return entry

    def store(self, key: str, data: bytes) -> None:
        """Writes the program under this key, or does nothing where the disk refuses."""
        if self._failures >= _FAILURES_BEFORE_SILENCE or not self._is_usable(create=True):
            return
        raw = _encode(key, self._fields.get(key, {}), data)
        if len(raw) > self.limit_bytes:
            return
        try:
            # Made by hand: tempfile would cost 11 ms of every start.
            temporary = self.folder / (os.urandom(8).hex() + _TEMPORARY_SUFFIX)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(raw)
                os.replace(temporary, self._path(key))
            except BaseException:
                _remove(temporary)
                raise
        except OSError as error:
            self._failures += 1
            log.debug("compilation cache: cannot write to %s: %s", self.folder, error)
            return
        with self._lock:
            self._stored += 1
            self._stores_since_scan += 1
            if self._bytes_about is not None:
                self._bytes_about += len(raw)
            due = self._bytes_about is None or self._stores_since_scan >= _RESCAN_STORES
            if due or self._bytes_about > self.limit_bytes:  # type: ignore[operator]  # due where it is None
                self._evict()

    def _evict(self) -> None:
        """Removes the least recently used entries until the folder is below nine tenths of its limit."""
        entries = self._scan()
        total = sum(size for _, size, _ in entries)
        if total > self.limit_bytes:
            for _, size, path in sorted(entries):
                if total <= self.limit_bytes * 9 // 10:
                    break
                _remove(path)
                total -= size
        self._bytes_about = total
        self._stores_since_scan = 0

    def _scan(self) -> list[tuple[int, int, str]]:
        """(last use in ns, bytes, path) of each entry; sweeps temporary files of processes that died."""
        entries = []
        try:
            with os.scandir(self.folder) as listing:
                for item in listing:
                    try:
                        status = item.stat(follow_symlinks=False)
                    except OSError:  # gone meanwhile: another process evicts too
                        continue
                    if item.name.endswith(_SUFFIX):
                        entries.append((status.st_mtime_ns, status.st_size, item.path))
                    elif item.name.endswith(_TEMPORARY_SUFFIX) and time.time() - status.st_mtime > _TEMPORARY_SECONDS:
                        _remove(item.path)
        except OSError as error:
            log.debug("compilation cache: cannot list %s: %s", self.folder, error)
        return entries

    # ---- looking and clearing

    def explain(self, key: str) -> Explanation:
        """What this key is made of, and what sets it apart from the most similar entry on disk."""
        stored = self._fields_on_disk(self._path(key))
        fields = self._fields.get(key) or stored or {}
        best: dict[str, tuple[str, str]] = {}
        for _, _, path in self._scan() if fields else ():
            other = self._fields_on_disk(path)
            if not other or path == str(self._path(key)):
                continue
            names = fields.keys() | other.keys()
            differs = {
                n: (fields.get(n, "absent"), other.get(n, "absent")) for n in names if fields.get(n) != other.get(n)
            }
            if not best or len(differs) < len(best):
                best = differs
        return Explanation(fields, stored is not None, best)

    def _fields_on_disk(self, path: str | Path) -> dict[str, str] | None:
        try:
            with open(path, "rb") as file:
                head = file.read(_BODY_AT + _HEADER.size)
                _, fields_length, _ = _HEADER.unpack_from(head, _BODY_AT)
                found = json.loads(file.read(min(fields_length, 1 << 20)))
        except (OSError, ValueError, struct.error):
            return None
        return found if isinstance(found, dict) and head.startswith(_MAGIC) else None

    def clear(self) -> int:
        """Removes every entry; gives their number. Entries that another process writes meanwhile may stay."""
        if not self._is_usable(create=False):
            return 0
        entries = self._scan()
        for _, _, path in entries:
            _remove(path)
        self._bytes_about = None
        return len(entries)

    def stats(self) -> Stats:
        """How much is there, and how often this process found what it asked for."""
        entries = self._scan() if self._is_usable(create=False) else []
        return Stats(
            folder=str(self.folder),
            entries=len(entries),
            bytes=sum(size for _, size, _ in entries),
            limit_bytes=self.limit_bytes,
            hits=self._hits,
            misses=self._misses,
            stored=self._stored,
            trouble=self._trouble,
        )

    # ---- the folder

    def _path(self, key: str) -> Path:
        return self.folder / (key + _SUFFIX)

    def _is_usable(self, create: bool) -> bool:
        """Whether the folder is there and the user's own. Looked at once; not before there is something to look at."""
        if self._opened:
            return self._trouble is None
        try:
            if create:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = os.stat(self.folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._opened, self._trouble = True, f"{self.folder} cannot be used: {error.strerror}"
            log.debug("compilation cache: %s", self._trouble)
            return False
        with self._lock:
            if self._opened:
                return self._trouble is None
            self._opened = True
            if not stat.S_ISDIR(status.st_mode):
                self._trouble = f"{self.folder} is not a folder"
            elif not _is_private(status):
                self._trouble = (
                    f"{self.folder} belongs to another user or can be written by others, and loading a compiled "
                    "program runs it"
                )
        if self._trouble is not None:
            warnings.warn(
                f"The compilation cache is not used: {self._trouble}. Give it a folder of your own "
                f"(`chmod 700`, or BEVEL_CACHE_DIR), or switch it off with BEVEL_ENABLE_COMPILATION_CACHE=0.",
                stacklevel=2,
            )
        return self._trouble is None


# ---- entries


def _encode(key: str, fields: Mapping[str, str], data: bytes) -> bytes:
    # Level 1: a program shrinks sixfold in a few ms; higher levels take several times as long for little more.
    program = zlib.compress(data, 1)
    text = json.dumps(dict(fields)).encode()
    body = _HEADER.pack(bytes.fromhex(key), len(text), len(program)) + text + program
    return _MAGIC + hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest() + body


def _decode(raw: bytes, key: str) -> bytes | None:
    """The program in these bytes, or None where any of them is not as written."""
    body = memoryview(raw)[_BODY_AT:]
    if len(body) < _HEADER.size or not raw.startswith(_MAGIC):
        return None
    if hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest() != raw[len(_MAGIC) : _BODY_AT]:
        return None
    stored_key, fields_length, program_length = _HEADER.unpack_from(body)
    program = body[_HEADER.size + fields_length :]
    if stored_key != bytes.fromhex(key) or len(program) != program_length:
        return None
    try:
        return zlib.decompress(program)
    except zlib.error:
        return None


def _shown(value: bytes | str) -> str:
    if isinstance(value, str) and len(value) <= _SHOWN_CHARACTERS:
        return value
    raw = value.encode() if isinstance(value, str) else value
    return f"{len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()[:16]}"


def _is_private(status: os.stat_result) -> bool:
    """Whether only this user can have written there. Windows keeps its cache folder private by other means."""
    if os.name != "posix":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _remove(path: str | Path) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            log.debug("compilation cache: cannot remove %s: %s", path, error)


# ---- the machine


def machine_fields(platform: str, platform_version: str = "") -> dict[str, str]:
    """The fields of a key that say where a compiled program fits: jaxlib, platform, CPU, threads and XLA's flags.

    platform_version is the client's own (driver and runtime on a GPU). The number of threads counts because XLA
    decides at compile time into how many parts a kernel is split.
    """
    return {
        "jaxlib": jaxlib_version,
        "platform": platform,
        "platform version": platform_version,
        "cpu": cpu_features(),
        "threads": str(threads.of_client()),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
    }


_CPU_LINES = ("vendor_id", "cpu family", "model", "flags", "CPU implementer", "CPU part", "CPU variant", "Features")


@functools.cache
def cpu_features() -> str:
    """What this CPU is and can do, as the kernel of the system tells it; where it does not, the machine's own name.

    The name is the safe answer for a system without /proc: programs are then kept for each machine apart.
    """
    import platform  # for start-up time: 5 ms that only a compiling program spends

    kind = platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            lines = []
            for line in file:
                if not line.strip():  # the first core speaks for all
                    break
                name, _, value = line.partition(":")
                if name.strip() in _CPU_LINES:
                    lines.append(f"{name.strip()}={' '.join(sorted(value.split()))}")
        if lines:
            return f"{kind} " + "; ".join(lines)
    except OSError:
        pass
    return f"{kind} of {platform.node()} ({platform.processor()}, {platform.release()})"


# ---- the cache that the engine uses

_default: DiskCache | None = None


def default() -> DiskCache | None:
    """The cache that the engine uses, or None where it is switched off. Follows the settings as they change."""
    global _default
    if not settings.enable_compilation_cache.value:
        return None
    folder = settings.compilation_cache_dir.value or os.environ.get("BEVEL_CACHE_DIR") or _user_cache_folder()
    if _default is None or str(_default.folder) != str(folder):
        _default = DiskCache(folder, _environment_limit())
    return _default


def _environment_limit() -> int:
    text = os.environ.get("BEVEL_CACHE_LIMIT", "")
    if not text:
        return DEFAULT_LIMIT_BYTES
    try:
        return int(text)
    except ValueError:
        warnings.warn(f"BEVEL_CACHE_LIMIT is {text!r}, not a number of bytes; 2 GiB is used.", stacklevel=2)
        return DEFAULT_LIMIT_BYTES


@functools.cache
def _user_cache_folder() -> str:
    import platformdirs  # for start-up time

    return os.path.join(platformdirs.user_cache_dir("bevel", appauthor=False), "programs")


def key_of(fields: Mapping[str, bytes | str]) -> str:
    """The key of a program in the engine's cache: see `DiskCache.key_of`."""
    return (default() or _KEYS_ONLY).key_of(fields)


def load(key: str) -> bytes | None:
    """The program of this key from the engine's cache, or None."""
    cache = default()
    return None if cache is None else cache.load(key)


def store(key: str, data: bytes) -> None:
    """Keeps a program in the engine's cache."""
    cache = default()
    if cache is not None:
        cache.store(key, data)


def explain(key: str) -> Explanation:
    """What a key is made of: see `DiskCache.explain`."""
    cache = default()
    return Explanation({}, False, {}) if cache is None else cache.explain(key)


def clear() -> int:
    """Empties the engine's cache; gives the number of entries removed."""
    cache = default()
    return 0 if cache is None else cache.clear()


def stats() -> Stats:
    """What the engine's cache holds; `trouble` says so where it is switched off."""
    cache = default()
    return Stats("", 0, 0, 0, 0, 0, 0, "switched off") if cache is None else cache.stats()


_KEYS_ONLY = DiskCache(os.devnull)  # names programs where the cache is switched off; its folder is never touched
