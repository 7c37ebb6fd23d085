"""Tensors to a file and back; damaged files; files that another program wrote."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_lab.core import weights
from rl_lab.errors import LabError

TENSORS = {
    "actor.0.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "actor.0.bias": np.array([np.nan, -0.0, np.inf], np.float32),
    "steps": np.array(7, np.int64),
    "nothing": np.zeros((0, 4), np.float64),
    "flags": np.array([True, False]),
}


def test_round_trip(tmp_path):
    weights.save(tmp_path / "a.safetensors", TENSORS, {"description": "ünï"})
    loaded, metadata = weights.load_with_metadata(tmp_path / "a.safetensors")
    assert metadata == {"description": "ünï"}
    assert set(loaded) == set(TENSORS)
    for name, array in TENSORS.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert loaded[name].tobytes() == array.tobytes()


def test_views_and_transposes_are_saved_as_they_look(tmp_path):
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    weights.save(tmp_path / "a", {"transposed": matrix.T, "every other": matrix[:, ::2]})
    loaded = weights.load(tmp_path / "a")
    np.testing.assert_array_equal(loaded["transposed"], matrix.T)
    np.testing.assert_array_equal(loaded["every other"], matrix[:, ::2])


def test_torch_reads_the_same(tmp_path):
    from safetensors.torch import load_file

    weights.save(tmp_path / "a", TENSORS)
    for name, tensor in load_file(tmp_path / "a").items():
        np.testing.assert_array_equal(tensor.numpy(), TENSORS[name])


def test_equal_tensors_give_equal_bytes_whatever_their_order(tmp_path):
    weights.save(tmp_path / "a", TENSORS, {"version": "1"})
    weights.save(tmp_path / "b", dict(reversed(TENSORS.items())), {"version": "1"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_two_texts_are_refused(tmp_path):
    with pytest.raises(ValueError, match="2 keys"):
        weights.save(tmp_path / "a", TENSORS, {"a": "1", "b": "2"})


@given(share=st.floats(0, 0.999))
def test_truncated_files_are_refused(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("weights")
    weights.save(folder / "a", TENSORS)
    content = (folder / "a").read_bytes()
    (folder / "a").write_bytes(content[: int(share * len(content))])
    with pytest.raises(LabError, match="damaged"):
        weights.load(folder / "a")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a zip",
        b"\xff" * 100,
        (2).to_bytes(8, "little") + b"[]",
        (10**12).to_bytes(8, "little") + b"{}",
    ],
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(LabError, match="damaged or no safetensors file"):
        weights.load(tmp_path / "a")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(LabError, match="is not there"):
        weights.load(tmp_path / "a")
    with pytest.raises(LabError, match="damaged or no"):
        weights.load(tmp_path)
