"""Points from a CSV, and files that are none."""

import numpy as np
import pytest

from rl_lab.data.tables import points as read
from rl_lab.errors import LabError


@pytest.mark.parametrize("text", ["x,y\n1,2\n0,1\n", "1,2\n0,1", "\ufeff\n 1 , 2 \r\n\r\n0,1e0\r\n"])
def test_points_are_sorted_with_and_without_a_header(tmp_path, text):
    file = tmp_path / "points.csv"
    file.write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read(file), [[0, 1], [1, 2]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no points"),
        (b"\n\n", "holds no points"),
        (b"x,y\n", "holds no points"),
        (b"1,2\n3\n", "line 2 of .* has 1 columns; every line must have two"),
        (b"1,2\n3,4,5\n", "line 2 of .* has 3 columns"),
        (b"x,y,z\n1,2\n", "holds no|lies at"),
        (b"1,2\n3,nan\n", "line 2 of .* holds 'nan'; every cell must be a finite number"),
        (b"1,2\ninf,3\n", "line 2 of .* holds 'inf'"),
        (b"x,y\n1,2\n3,\n", "line 3 of .* holds ''"),
        (b"1,2\nthree,4\n", "line 2 of .* holds 'three'"),
        (b"1,2\n1,3\n", "every point of .* lies at x=1"),
        (b"\xff\xfe\x00\x01", "is no UTF-8 text"),
        (b"1,2\n" * 100_002, "more than 100,000 points"),
    ],
)
def test_what_is_refused(tmp_path, content, message):
    file = tmp_path / "points.csv"
    file.write_bytes(content)
    with pytest.raises(LabError, match=message):
        read(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(LabError, match=r"cannot be read .*give a CSV of points"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(LabError, match=r"cannot be read|is a folder"):
        read(tmp_path)
