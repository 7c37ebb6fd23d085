import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rl_lab.data import texts
from rl_lab.errors import LabError

installed = pytest.mark.skipif(not (texts.FORTUNES / "zippy").exists(), reason="Debian's fortunes: make data")


@installed
def test_fortunes_are_counted_as_strfile_counts_them():
    fortunes = texts.fortunes()
    assert tuple(fortunes) == texts.CATEGORIES
    for category, entries in fortunes.items():
        header = (texts.FORTUNES / f"{category}.dat").read_bytes()
        counted = int.from_bytes(header[4:8], "big")  # strfile(1): version, number of strings, ...
        assert abs(len(entries) - counted) <= 1, category  # a few files end in an empty entry
        assert all(entry.strip() for entry in entries)


@installed
@pytest.mark.skipif(shutil.which("col") is None, reason="col(1), of Debian's bsdextrautils")
def test_struck_over_letters_read_as_col_shows_them():
    shown = subprocess.run(
        ["col", "-b", "-x"], input=(texts.FORTUNES / "ethnic").read_bytes(), capture_output=True, check=True
    ).stdout.decode()
    words = re.sub(r"\s+", " ", re.sub(r"^%$", "", shown, flags=re.MULTILINE)).strip()
    assert re.sub(r"\s+", " ", " ".join(texts.fortunes()["ethnic"])).strip() == words


def test_files_elsewhere_are_read_and_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "CATEGORIES", ("short",))
    with pytest.raises(LabError, match=r"short is not there; `make data`"):
        texts.fortunes(tmp_path)
    (tmp_path / "short").write_text("one\n%\n50 % of two\n%x\n%\n\n%\nна_\bïve ___\b\b\btea\a\n", "utf-8")
    assert texts.fortunes(tmp_path) == {"short": ["one", "50 % of two\n%x", "наïve tea"]}
    (tmp_path / "short").write_bytes(b"caf\xe9\n%\n")
    with pytest.raises(LabError, match="no UTF-8"):
        texts.fortunes(Path(tmp_path))


@pytest.mark.parametrize("content", [b"one\rtwo\r", b"\xef\xbb\xbfone\r\ntwo", b"one\ntwo\n"])
def test_every_end_of_line_and_a_byte_order_mark_are_read(tmp_path, content):
    (tmp_path / "x.txt").write_bytes(content)
    assert texts.read(tmp_path / "x.txt") == ["one", "two"]


def test_names_are_the_census_of_1990():
    women, men, first = texts.names("female"), texts.names("male"), texts.names()
    assert (len(women), len(men), len(texts.names("last"))) == (4275, 1219, 88799)
    assert (women[0], men[0]) == ("Mary", "James")
    assert set(first) == {*women, *men}
    assert len(set(first)) == len(first)
    with pytest.raises(LabError, match="of='dogs' is not allowed"):
        texts.names("dogs")
