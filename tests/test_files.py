"""Folders and files that other users could have written are not trusted."""

import os
import subprocess
import sys

import pytest

from rl_lab import files


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
