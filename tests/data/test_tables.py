import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab.data import tables
from rl_lab.errors import LabError

numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1)))
def test_what_python_writes_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "x.csv"
    for header in ([], [[f"c {place}" for place in range(len(rows[0]))]]):
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([*header, *rows])
        names, read = tables.read(path)
        np.testing.assert_array_equal(read, np.array(rows))
        assert names == (header[0] if header else [str(place + 1) for place in range(len(rows[0]))])


def test_a_spreadsheets_mark_empty_lines_and_spaces_do_no_harm(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfa, b\r\n\r\n 1,2\r\n,\r\n3, 4e1\r\n")
    names, rows = tables.read(tmp_path / "x.csv")
    assert (names, rows.tolist()) == (["a", "b"], [[1.0, 2.0], [3.0, 40.0]])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b\n", "holds names of columns and no row"),
        (b"a,b\n1,2\n3\n", "line 3 of .* has 1 cells and the first 2"),
        (b"a,b\n1,2\n3,4,5\n", "line 3 of .* has 3 cells"),
        (b"a,b\n1,red\n", "column b holds 'red' in line 2 of .*; leave out text"),
        (b"1,red\n2,blue\n", "column 2 holds 'red' in line 1"),
        (b"a,b\n1,\n", "column b is empty in line 2 of .*fill or drop gaps"),
        (b"a,b\n1,nan\n", "column b holds nan in line 2 .*must be finite"),
        (b"a,b\n-inf,2\n", "column a holds -inf"),
        (b"\xff\xfe\x00", "is no UTF-8 text"),
        ("1,2".encode("utf-16"), "is no UTF-8 text"),
        (b"1_000,2\n", "column 1 holds '1_000' in line 1"),
        (b"1," + b"2" * 200_000, "is no CSV"),
        (b"1;2\n", "holds names of columns and no row"),
        (b"a\n1\0\n", "is no text|column a holds"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, sentence):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(LabError, match=sentence):
        tables.read(tmp_path / "x.csv")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(LabError, match=r"nothing\.csv cannot be read \(No such file or directory\)"):
        tables.read(tmp_path / "nothing.csv")
