"""The disk cache keeps what it was given, and whatever happens to its folder is a miss, never an error."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings

import pytest

from bevel.base import settings
from bevel.engine import disk_cache
from bevel.engine.disk_cache import DiskCache

PROGRAM = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path):
    return DiskCache(tmp_path / "programs")


def key(cache, name="a"):
    return cache.key_of({"program": name, "options": b"\x00"})


def files(cache):
    return sorted(cache.folder.iterdir())


def test_a_stored_program_comes_back_whole(cache):
    name = key(cache)
    assert cache.load(name) is None
    cache.store(name, PROGRAM)
    assert cache.load(name) == PROGRAM
    assert DiskCache(cache.folder).load(name) == PROGRAM
    [entry] = files(cache)
    assert entry.stat().st_size < len(PROGRAM) / 5


@pytest.mark.parametrize("data", [b"", b"\x00", os.urandom(100_000)])
def test_any_bytes_come_back(cache, data):
    cache.store(key(cache), data)
    assert cache.load(key(cache)) == data


def test_a_key_is_made_of_names_and_values_in_any_order(cache):
    assert cache.key_of({"a": "1", "b": b"2"}) == cache.key_of({"b": "2", "a": b"1"})
    apart = [{"a": "12"}, {"a": "1", "b": "2"}, {"a1": "2"}, {"a": "1", "b2": ""}, {"ab": "12"}, {}, {"a": ""}]
    assert len({cache.key_of(fields) for fields in apart}) == len(apart)


def test_folder_and_entries_are_private(cache):
    cache.store(key(cache), PROGRAM)
    [entry] = files(cache)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert entry.stat().st_mode & 0o077 == 0


def test_damage_anywhere_is_a_miss_and_is_removed(cache):
    name = key(cache)
    cache.store(name, b"a small program")
    [entry] = files(cache)
    whole = entry.read_bytes()
    for at in range(len(whole)):  # the whole entry is some 150 bytes: every one of them is damaged once
        entry.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert cache.load(name) is None, f"byte {at} of {len(whole)}"
        assert not entry.exists()
    entry.write_bytes(whole)
    assert cache.load(name) == b"a small program"


def test_truncation_and_growth_are_misses(cache):
    name = key(cache)
    cache.store(name, b"a small program")
    [entry] = files(cache)
    whole = entry.read_bytes()
    for raw in [whole[:at] for at in range(len(whole))] + [whole + b"\x00", whole + whole]:
        entry.write_bytes(raw)
        assert cache.load(name) is None
        assert not entry.exists()


def test_an_entry_under_another_name_is_a_miss(cache):
    first, second = key(cache, "a"), key(cache, "b")
    cache.store(first, PROGRAM)
    [entry] = files(cache)
    entry.rename(cache.folder / f"{second}.bevel-cache")
    assert cache.load(second) is None


def test_a_damaged_entry_is_written_anew(cache):
    cache.store(key(cache), PROGRAM)
    [entry] = files(cache)
    entry.write_bytes(b"")
    assert cache.load(key(cache)) is None
    cache.store(key(cache), PROGRAM)
    assert cache.load(key(cache)) == PROGRAM


def test_the_least_recently_used_go_first(tmp_path):
    cache = DiskCache(tmp_path / "programs", limit_bytes=12_000)
    names = [key(cache, str(i)) for i in range(12)]
    for age, name in enumerate(names[:9]):
        cache.store(name, os.urandom(1000))
        os.utime(cache._path(name), (1000 + age, 1000 + age))
    assert cache.load(names[0]) is not None  # a hit makes it young
    for name in names[9:]:
        cache.store(name, os.urandom(1000))
    assert cache.stats().bytes <= cache.limit_bytes
    assert cache.load(names[0]) is not None
    assert cache.load(names[-1]) is not None
    assert cache.load(names[1]) is None


def test_a_program_larger_than_the_limit_is_not_kept(tmp_path):
    cache = DiskCache(tmp_path / "programs", limit_bytes=500)
    cache.store(key(cache), os.urandom(2000))
    assert cache.load(key(cache)) is None
    assert cache.stats().entries == 0


def test_temporary_files_of_dead_processes_are_swept(cache):
    cache.folder.mkdir(mode=0o700)
    old, young = cache.folder / "old.part", cache.folder / "young.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    cache.store(key(cache), PROGRAM)
    assert not old.exists()
    assert young.exists()


@pytest.mark.skipif(os.name != "posix", reason="the permissions of POSIX")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_left_alone(cache, mode):
    cache.store(key(cache), PROGRAM)
    cache.folder.chmod(mode)
    again = DiskCache(cache.folder)
    with pytest.warns(UserWarning, match=r"can be written by others.*chmod 700"):
        assert again.load(key(again)) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        again.store(key(again, "b"), PROGRAM)
        assert again.load(key(again)) is None
        assert again.clear() == 0
    assert len(files(cache)) == 1
    assert "written by others" in again.stats().trouble


@pytest.mark.skipif(os.name != "posix", reason="the permissions of POSIX")
def test_an_entry_that_others_can_write_is_a_miss(cache):
    cache.store(key(cache), PROGRAM)
    [entry] = files(cache)
    entry.chmod(0o666)
    assert cache.load(key(cache)) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_user_is_left_alone(cache):
    cache.store(key(cache), PROGRAM)
    os.chown(cache.folder, 65534, 65534)
    with pytest.warns(UserWarning, match="another user"):
        assert DiskCache(cache.folder).load(key(cache)) is None


@pytest.mark.skipif(os.name != "posix", reason="the permissions of POSIX")
def test_a_read_only_folder_serves_and_never_fails(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path / "programs")
    cache.store(key(cache), PROGRAM)
    again = DiskCache(".")
    monkeypatch.chdir(cache.folder)
    is_root = os.geteuid() == 0
    if is_root:  # root may write anywhere: become nobody, who owns the folder and may not, for a while
        for path in (cache.folder, *files(cache)):
            os.chown(path, 65534, 65534)
    cache.folder.chmod(0o500)
    if is_root:
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            open("probe", "w")
        again.store(key(again, "b"), PROGRAM)
        found = again.load(key(again))
    finally:
        if is_root:
            os.seteuid(0)
        cache.folder.chmod(0o700)
    assert found == PROGRAM
    assert len(files(cache)) == 1


def test_a_folder_that_cannot_be_made_never_fails(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    cache = DiskCache(tmp_path / "file" / "programs")
    cache.store(key(cache), PROGRAM)
    assert cache.load(key(cache)) is None
    assert cache.clear() == 0
    assert "cannot be used" in cache.stats().trouble


def test_a_file_in_place_of_the_folder_never_fails(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    cache = DiskCache(tmp_path / "file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cache.store(key(cache), PROGRAM)
        assert cache.load(key(cache)) is None
    assert (tmp_path / "file").read_text() == "not a folder"


def run_python(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_a_full_disk_never_fails_and_leaves_nothing(tmp_path):
    program = """
        import os, resource, sys
        from bevel.engine.disk_cache import DiskCache
        cache = DiskCache(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        for i in range(5):
            cache.store(cache.key_of({"i": str(i)}), os.urandom(20_000))
        print(cache.stats().entries, len(os.listdir(sys.argv[1])))
    """
    child = run_python(program, tmp_path / "programs")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert out.split() == ["0", "0"]


def test_processes_that_write_evict_and_damage_at_once(tmp_path):
    """Two processes store, load and damage the same few keys under a small limit: every hit is the right program."""
    program = """
        import hashlib, os, random, sys
        from bevel.engine.disk_cache import DiskCache
        cache = DiskCache(sys.argv[1], limit_bytes=60_000)
        chance = random.Random(int(sys.argv[2]))
        hits = 0
        for _ in range(400):
            name = str(chance.randrange(12))
            data = hashlib.sha256(name.encode()).digest() * 30 + random.Random(name).randbytes(6000)
            key = cache.key_of({"name": name})
            found = cache.load(key)
            if found is None:
                cache.store(key, data)
            else:
                assert found == data
                hits += 1
            if chance.random() < 0.05:
                try:
                    with open(cache._path(key), "r+b") as file:
                        file.truncate(chance.randrange(500))
                except OSError:
                    pass
        print(hits)
    """
    children = [run_python(program, tmp_path / "programs", seed) for seed in (1, 2)]
    for child in children:
        out, err = child.communicate(timeout=120)
        assert child.returncode == 0, err
        assert int(out) > 0
    cache = DiskCache(tmp_path / "programs", limit_bytes=60_000)
    assert cache.stats().bytes <= 2 * cache.limit_bytes
    assert not list(cache.folder.glob("*.part"))


def test_clear_and_stats(cache):
    for name in "abc":
        cache.store(key(cache, name), PROGRAM)
    cache.load(key(cache, "a"))
    cache.load(key(cache, "z"))
    stats = cache.stats()
    assert (stats.entries, stats.hits, stats.misses, stats.stored, stats.trouble) == (3, 1, 1, 3, None)
    assert stats.bytes == sum(path.stat().st_size for path in files(cache))
    assert str(stats).startswith("3 programs, 0.") and str(stats).endswith(
        f" MiB, in {stats.folder}; this process found 1 and wrote 3"
    )
    assert cache.clear() == 3
    assert cache.stats().entries == 0
    assert cache.load(key(cache, "a")) is None


def test_explain_names_the_field_that_differs(cache):
    fields = {"program": b"p" * 1000, "jaxlib": "1.0", "cpu": "here"}
    cache.store(cache.key_of(fields), PROGRAM)
    cache.store(cache.key_of({**fields, "jaxlib": "0.8", "cpu": "there"}), PROGRAM)
    explanation = cache.explain(cache.key_of({**fields, "jaxlib": "2.0"}))
    assert not explanation.stored
    assert explanation.differs == {"jaxlib": ("2.0", "1.0")}
    assert explanation.fields["program"].startswith("1000 bytes, sha256 ")
    again = DiskCache(cache.folder).explain(cache.key_of(fields))  # another process knows it from the disk
    assert again.stored
    assert again.fields["cpu"] == "here"
    unknown = cache.explain("0" * 64)
    assert (unknown.fields, unknown.stored, unknown.differs) == ({}, False, {})


def test_the_machine_is_part_of_the_key(monkeypatch):
    fields = disk_cache.machine_fields("cpu", "")
    assert set(fields) >= {"jaxlib", "platform", "cpu", "threads", "XLA_FLAGS"}
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert disk_cache.machine_fields("cpu", "") != fields
    assert len(disk_cache.cpu_features()) > 10


def test_settings_and_environment_choose(monkeypatch, tmp_path):
    monkeypatch.setattr(disk_cache, "_default", None)
    monkeypatch.setenv("BEVEL_CACHE_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("BEVEL_CACHE_LIMIT", "12345")
    with settings.enable_compilation_cache(True), settings.compilation_cache_dir(None):
        name = disk_cache.key_of({"program": "x"})
        disk_cache.store(name, PROGRAM)
        assert disk_cache.load(name) == PROGRAM
        assert disk_cache.explain(name).fields == {"program": "x"}
        assert disk_cache.stats().folder == str(tmp_path / "here")
        assert disk_cache.stats().limit_bytes == 12345
    with settings.enable_compilation_cache(False):
        assert disk_cache.default() is None
        assert disk_cache.key_of({"program": "x"}) == name
        disk_cache.store(name, PROGRAM)
        assert disk_cache.load(name) is None
        assert disk_cache.clear() == 0
        assert disk_cache.stats().trouble == str(disk_cache.stats()) == "switched off"
    with settings.enable_compilation_cache(True), settings.compilation_cache_dir(str(tmp_path / "there")):
        assert disk_cache.load(name) is None
        assert disk_cache.stats().folder == str(tmp_path / "there")
        assert not (tmp_path / "there").exists()  # asking makes no folder


def test_a_limit_that_is_no_number_is_said(monkeypatch):
    monkeypatch.setenv("BEVEL_CACHE_LIMIT", "2G")
    with pytest.warns(UserWarning, match="'2G', not a number of bytes"):
        assert disk_cache._environment_limit() == disk_cache.DEFAULT_LIMIT_BYTES
