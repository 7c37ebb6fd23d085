"""What the README and the texts in `docs/` show is what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = {path: path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
BLOCKS = re.findall(r"```python\n(.*?)```", "".join(TEXTS.values()), re.DOTALL)


def block(word):
    """The one block of Python that holds a word."""
    (found,) = [text for text in BLOCKS if word in text]
    return found


def test_the_environment_shown_is_the_one_that_runs():
    shown = block("def cartpole")
    assert shown.strip() == (ROOT / "envs/classic/cartpole.py").read_text().strip()
    assert len(shown.splitlines()) <= 60


@pytest.mark.parametrize(
    ("word", "shorter"),
    [
        (
            "gamma=0.97",
            {
                "100_000": "600",
                "seeds=10": "seeds=1, episodes=2, points=2, jobs=1, quiet=True",
                "gamma=0.97": "n_steps=64",
                '"sb3:ppo"': '("sb3:ppo", {"n_steps": 64, "num_envs": 2})',
                '"ppo"': '("ppo", {"n_steps": 64, "num_envs": 2})',
            },
        ),
        (
            "my_expert",
            {
                "200_000": "2_500, seeds=1, episodes=2, points=2, jobs=1, quiet=True",
                "my_package:MyEnv-v0": "CartPole-v1",
                "expert=my_expert, episodes=50": "expert=lambda o, i: int(o[2] + 0.5 * o[3] > 0), episodes=2",
                "seed=seed)": "seed=seed, n_steps=256)",
            },
        ),
        ("vec_env(", {"30_000": "1024", "verbose=1": "verbose=0"}),
        ("agent.save", {"100_000": "2048", "num_envs=8": "num_envs=8, n_steps=64", "observation)": "[0.0] * 4)"}),
    ],
)
def test_the_scripts_run(tmp_path, word, shorter):
    script = block(word)
    for long, short in shorter.items():
        assert long in script
        script = script.replace(long, short)
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    if "compare(" in script:
        assert "smoke test" in done.stdout
        assert "FAILED" not in done.stdout
    if ".save(" in script and "compare(" in script:
        assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_what_a_text_names_is_there(path):
    text = TEXTS[path]
    for name in re.findall(r"`((?:rl_lab|envs|agents|examples|docs|tests|benchmarks|studies)/[\w/.]+)`", text):
        if "-v" not in name:
            assert (ROOT / name).exists(), name
    for link in re.findall(r"\]\((.*?)\)", text):
        file, _, heading = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)", target.read_text(), re.MULTILINE)
            assert heading in [title.lower().replace(" ", "-") for title in headings], link
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", text)) <= targets


def test_the_readme_is_short_and_links_every_text():
    readme = TEXTS[ROOT / "README.md"]
    assert len(readme.splitlines()) < 250
    for path in TEXTS:
        assert path.name == "README.md" or f"](docs/{path.name})" in readme


def test_the_stages_shown_are_those_that_run():
    import tomllib

    from rl_lab.stages import Clone, Demonstrate, Finetune, FitValue, Pipeline

    (shown,) = re.findall(r"```toml\n(.*?)```", TEXTS[ROOT / "docs/pretraining.md"], re.DOTALL)
    table = tomllib.loads(shown)["contenders"]["pretrained"]
    assert Pipeline(table["stages"]).stages == [Demonstrate("planner", 50), Clone(), FitValue(), Finetune()]
    study = tomllib.loads((ROOT / "studies" / "pretraining.toml").read_text())
    assert study["contenders"]["pretrained"] == table
