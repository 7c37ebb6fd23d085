"""`rl-lab train --stages`: what the command line and the file say together."""

import sys

import pytest

from rl_lab.cli.app import app, registry
from rl_lab.errors import LabError
from rl_lab.stages import Pipeline


class Seen(Exception):
    pass


def given_to_the_pipeline(monkeypatch, *words):
    def train(path, out, store, **given):
        raise Seen(given)

    monkeypatch.setattr(Pipeline, "train", train)
    words = ["train", "ppo", "--stages", "stages.toml", "--out", "run", *words]
    monkeypatch.setattr(sys, "argv", ["rl-lab", *words])
    with pytest.raises(Seen) as seen:
        app.cli(prog="rl-lab", args=words, registry=registry)
    return seen.value.args[0]


def test_options_count_more_than_the_file_even_where_they_are_the_default(monkeypatch):
    assert given_to_the_pipeline(monkeypatch) == {"algorithm": "ppo", "hyperparameters": {}}
    words = [
        "--seed=0",
        "--num-envs",
        "8",
        "--n_steps",
        "2048",
        "--no-normalize-advantage",
        "--steps",
        "5e3",
        "--env-arg",
        "max_steps=9",
    ]
    assert given_to_the_pipeline(monkeypatch, *words) == {
        "algorithm": "ppo",
        "hyperparameters": {"num_envs": 8, "n_steps": 2048, "normalize_advantage": False},
        "seed": 0,
        "budget": 5000,
        "env_kwargs": {"max_steps": 9},
    }
    assert given_to_the_pipeline(monkeypatch, "CartPole-v1", "--device", "cpu") == {
        "algorithm": "ppo",
        "hyperparameters": {"device": "cpu"},
        "env": "CartPole-v1",
    }


def test_checkpoints_that_a_pipeline_does_not_write_are_refused(monkeypatch):
    words = ["train", "ppo", "--stages", "stages.toml", "--out", "run", "--checkpoint-seconds", "5"]
    monkeypatch.setattr(sys, "argv", ["rl-lab", *words])
    with pytest.raises(LabError, match=r"--checkpoint-seconds does not go with --stages: .* leave it out"):
        app.cli(prog="rl-lab", args=words, registry=registry)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hyperparameters = 5", "has hyperparameters = 5; it must be of type dict"),
        ("env = 5", "has env = 5; it must be of type str"),
        ('budget = "x"', "has budget = 'x'; it must be of type int"),
        ("seed = true", "has seed = True; it must be of type int"),
        ("env_kwargs = [1]", r"has env_kwargs = \[1\]; it must be of type dict"),
        ('stages = "clone"', "has stages = 'clone'; it must be of type list"),
        (
            "steps = 5",
            "has an unknown key 'steps'; it takes algorithm, env, seed, env_kwargs, hyperparameters, ",
        ),
        ("seed = " + "1" * 5000, "is not TOML: Exceeds the limit"),
        ("a = " + "[" * 10_000, "is nested too deeply"),
        ("seed = ", "is not TOML"),
    ],
)
def test_a_file_of_stages_that_makes_no_sense_is_a_sentence(tmp_path, text, message):
    (tmp_path / "stages.toml").write_text(text)
    with pytest.raises(LabError, match=message):
        Pipeline.train(tmp_path / "stages.toml", tmp_path / "run")
    with pytest.raises(LabError, match=r"there is no pipeline .*; give the path of a TOML file"):
        Pipeline.train(tmp_path / "none.toml", tmp_path / "run")
