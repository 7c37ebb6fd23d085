"""Files are whole or not there; those that other users could have written are not trusted."""

import errno
import grp
import os
import pwd
import subprocess
import sys
import threading

import numpy as np
import pytest

from rl_lab import files
from rl_lab.core import weights
from rl_lab.errors import LabError


def owned_by_another(folder, monkeypatch):
    if os.getuid() == 0:
        os.chown(folder, 12345, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 12345)


def test_a_new_private_folder_is_this_users_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        folder = files.private_folder(tmp_path / "cache")
    finally:
        os.umask(before)
    assert folder == tmp_path / "cache"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert files.private_folder(folder) == folder


@pytest.mark.parametrize("how", ["others", "group", "owner", "impossible"])
def test_a_folder_that_others_can_write_to_is_replaced_and_the_warning_says_so(tmp_path, monkeypatch, caplog, how):
    folder = tmp_path / "cache"
    group_of(monkeypatch, "staff")
    if how == "impossible":
        folder.write_text("a file")
    else:
        folder.mkdir(mode=0o700)
    if how == "owner":
        owned_by_another(folder, monkeypatch)
    elif how != "impossible":
        folder.chmod(0o777 if how == "others" else 0o770)
    found = files.private_folder(folder)
    assert not found.is_relative_to(tmp_path)
    assert found.stat().st_mode & 0o777 == 0o700
    assert str(folder) in caplog.text
    assert "RL_LAB_CACHE" in caplog.text
    assert files.private_folder(folder) == found  # one for the process


def test_a_file_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    file = tmp_path / "code.py"
    file.touch(mode=0o644)
    assert files.trusted(file)
    file.chmod(0o666)
    assert not files.trusted(file)
    file.chmod(0o644)
    owned_by_another(file, monkeypatch)
    assert not files.trusted(file)


def group_of(monkeypatch, name, members=()):
    """Let the group of this user's files have a name and members."""
    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group((name, "x", number, list(members))))


@pytest.mark.parametrize(
    ("mode", "name", "members", "trusted"),
    [
        (0o664, "me", [], True),
        (0o775, "me", ["me"], True),
        (0o664, "me", ["other"], False),
        (0o664, "staff", [], False),
        (0o666, "me", [], False),
        (0o646, "me", [], False),
        (0o644, "staff", [], True),
    ],
)
def test_a_file_may_be_open_to_the_users_private_group(tmp_path, monkeypatch, mode, name, members, trusted):
    file = tmp_path / "code.py"
    file.touch()
    file.chmod(mode)
    me = pwd.getpwuid(os.getuid()).pw_name
    group_of(monkeypatch, me if name == "me" else name, [me if member == "me" else member for member in members])
    assert files.trusted(file) is trusted
    monkeypatch.setattr(os, "listxattr", lambda path: ["system.posix_acl_access"])  # which names more users
    assert files.trusted(file) is (mode == 0o644)


def test_the_replacement_goes_with_its_process_and_not_with_one_that_it_forked():
    script = """
import os
from pathlib import Path
from rl_lab.files import private_folder
folder = private_folder(Path("/dev/null/cache"))
if os.fork() == 0:
    raise SystemExit  # runs what is registered for the end of a process
os.wait()
print(folder, folder.is_dir())
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    folder, there = run.stdout.split()
    assert there == "True"
    assert not os.path.exists(folder)


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_what_the_disk_refuses_is_a_sentence_and_what_was_there_stays(tmp_path, monkeypatch, problem):
    def full(descriptor):
        raise OSError(problem, os.strerror(problem))

    file = tmp_path / "a.safetensors"
    weights.save(file, {"a": np.zeros(3)})
    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    advice = "name another folder" if problem == errno.EROFS else "free space there"
    for write in (lambda: files.write_text(file, "b"), lambda: weights.save(file, {"b": np.zeros(3)})):
        with pytest.raises(LabError, match=f"a.safetensors cannot be written: {os.strerror(problem)}; {advice}"):
            write()
    assert os.listdir(tmp_path) == ["a.safetensors"]
    assert file.read_bytes() == before


def test_a_name_that_cannot_be_is_a_sentence(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "a", tmp_path / "no\0such"):
        with pytest.raises(LabError, match="cannot be written: "):
            files.write_text(path, "a")
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="file/x cannot be made: "), files.locked(tmp_path / "file" / "x"):
        pass


@pytest.mark.parametrize(("umask", "rights"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_decides_who_may_read(tmp_path, umask, rights):
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "a", "a")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == rights


def test_what_a_killed_process_was_writing_is_deleted_by_the_next_in_the_folder(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from rl_lab import files
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
files.write_text(Path(sys.argv[1]) / "a", "half")
"""
    (tmp_path / ".mine.tmp").touch()
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode < 0
    assert len(os.listdir(tmp_path)) == 2
    with files.locked(tmp_path):
        assert sorted(os.listdir(tmp_path)) == [".lock", ".mine.tmp"]


def test_a_full_disk_ends_a_command_with_a_sentence():
    for arguments in (["--help"], ["learn", "--help"]):
        with open("/dev/full", "w") as full:
            run = subprocess.run(
                [sys.executable, "-m", "rl_lab.cli", *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert run.returncode == 2
        assert "No space left on device" in run.stderr
        assert "Traceback" not in run.stderr


def test_text_that_is_no_utf8_is_written_with_escapes(tmp_path):
    files.write_text(tmp_path / "a", "name " + os.fsdecode(b"caf\xe9.py"))
    assert (tmp_path / "a").read_text() == r"name caf\udce9.py"


def test_a_pipe_without_end_is_a_sentence_and_a_pipe_with_one_is_read(tmp_path, monkeypatch):
    for pipe, talk, read, said in (
        ("long", 300, lambda path: files.read_bytes(path, "a CSV file"), "a pipe with more than 100 bytes; give a CSV"),
        ("toml", 300, lambda path: files.read_toml(path, "plan"), "has more than 200 characters; give the path of a"),
        ("short", 60, lambda path: files.read_bytes(path, "a CSV file"), None),
    ):
        monkeypatch.setattr(files, "MOST_OF_PIPE", 100)
        monkeypatch.setattr(files, "MOST_OF_TOML", 200)
        os.mkfifo(tmp_path / pipe)
        writer = threading.Thread(target=(tmp_path / pipe).write_bytes, args=(b"\n" * talk,))
        writer.start()
        if said:
            with pytest.raises(LabError, match=said):
                read(tmp_path / pipe)
        else:
            assert read(tmp_path / pipe) == b"\n" * talk
        writer.join()


def test_a_pipe_where_a_file_of_tensors_should_be_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.safetensors")
    for path in (tmp_path, tmp_path / "a.safetensors"):
        with pytest.raises(LabError, match=r"no safetensors file \(it is a folder, a pipe or a device"):
            weights.load(path)
