"""What does not fit into memory is refused with both figures."""

import pytest

from rl_lab import memory
from rl_lab.errors import LabError


def test_both_figures_are_named(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 3 * 2.0**30)
    memory.check_memory(3 * 2.0**30, "a rollout", "")
    with pytest.raises(LabError, match=r"a rollout needs 4\.5 GiB of memory, and 3\.0 GiB are available .* n_steps"):
        memory.check_memory(4.5 * 2**30, "a rollout", "choose a smaller n_steps")


def test_what_is_available_is_known_here():
    assert 2**20 < memory.available() < 2**60
