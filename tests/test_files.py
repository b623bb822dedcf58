"""What a name already stands for is kept: links, devices, pipes, read-only files, permissions."""

from __future__ import annotations

import io
import os
import resource
import select
import signal
import stat
import threading
from pathlib import Path

import pytest

from spikeseg_lava.errors import ArgumentError, printable
from spikeseg_lava.files import check_target, write_csv, writing


def write(path: Path, content: bytes = b"new") -> None:
    with writing(path) as file:
        file.write(content)


def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "a", b"old")
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "a") as file:
        file.write(b"half" * (1 // 0))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_link_stays_and_the_file_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/real")
    write(tmp_path / "link", b"one")
    write(tmp_path / "link", b"two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "real").read_bytes() == b"two"


def test_a_device_is_written_through(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        (tmp_path / "null").write_bytes(b"")
    except PermissionError:
        (tmp_path / "null").unlink(missing_ok=True)
        (tmp_path / "null").symlink_to("/dev/null")
    write(tmp_path / "null")
    assert stat.S_ISCHR((tmp_path / "null").stat().st_mode)


def test_a_pipe_is_written_through_or_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArgumentError, match="nobody reads"):
        write(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    content = bytes(2**18)  # more than a pipe holds: the writer waits for the reader
    writer = threading.Thread(target=write, args=(tmp_path / "pipe", content))
    writer.start()
    select.select([reader], [], [], 10)
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == content
    writer.join()


def test_a_read_only_file_is_refused_before_the_work(tmp_path: Path) -> None:
    write(tmp_path / "a", b"old")
    (tmp_path / "a").chmod(0o444)
    for action in (check_target, write):
        with pytest.raises(ArgumentError, match="read-only"):
            action(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_folder_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "it is a folder"), (tmp_path / "none" / "a", "does not exist")):
        with pytest.raises(ArgumentError, match=reason):
            check_target(path)


def test_permissions_are_those_of_the_old_file_or_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "a")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    (tmp_path / "a").chmod(0o604)
    write(tmp_path / "a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


def test_names_of_unfinished_files_cannot_be_guessed(tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        with writing(tmp_path / "a"):
            seen |= {path.name for path in tmp_path.iterdir()} - {"a"}
    assert len(seen) == 2


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    write(tmp_path / ("a" * 255))
    with pytest.raises(ArgumentError, match="cannot be written"):
        write(tmp_path / ("a" * 256))


def test_a_full_disk_is_one_line_with_the_name(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ArgumentError, match=r"a` cannot be written: File too large"):
            write(tmp_path / "a", bytes(2**16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


def test_no_text_in_a_table_is_a_formula() -> None:
    text = io.StringIO()
    write_csv(text, ("name", "count"), [{"name": "=cmd|' /C calc'!A0", "count": -5}, {"name": "a=b", "count": 1}])
    assert text.getvalue() == "name,count\n'=cmd|' /C calc'!A0,-5\na=b,1\n"


def test_names_are_shown_as_one_short_line() -> None:
    assert printable("a\x1b[2J\nb\u202e\ud800é") == r"a\x1b[2J\nb\u202e\ud800é"
    assert printable("x" * 2_000_000) == "x" * 300 + "... (2,000,000 characters)"
