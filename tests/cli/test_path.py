"""What lies in the working folder is found by name, and nothing there takes the place of an installed module."""

import subprocess
import sys


def test_modules_of_the_working_folder_replace_none(tmp_path):
    for name in ("scipy", "json", "struct", "cloudpickle", "rich"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    (tmp_path / "mine.py").write_text(
        "def train(env, seed, steps):\n    import cloudpickle, scipy\n    return Model()\n"
    )
    with open(tmp_path / "mine.py", "a") as file:
        file.write("class Model:\n    predict = staticmethod(lambda observation: 0)\n")
    plan = (
        'environments = ["CartPole-v1"]\nsteps = 20\nseeds = 1\nout = "out"\nevaluation = {points = 1, episodes = 1}\n'
    )
    (tmp_path / "plan.toml").write_text(plan + '[contenders]\na = "mine:train"\nb = "mine:train"\n')
    # as the installed command does: with its own folder first on the path
    script = "import sys; from rl_lab.cli import main; sys.argv[0] = 'rl-lab'; main()"
    command = [sys.executable, "-P", "-c", script, "compare", "plan.toml", "--quiet", "--jobs", "1"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    assert "report: out/report.html" in run.stdout
