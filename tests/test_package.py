"""What is installed, what an import costs, and what the project's own files say about both."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {"rl_lab": "rl_lab", "envs": "rl_lab/envs", "agents": "rl_lab/agents"}


def sources(suffix=""):
    """Every file of the three folders, and where it is installed."""
    for folder, place in FOLDERS.items():
        for file in (ROOT / folder).rglob(f"*{suffix}"):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file, f"{place}/{file.relative_to(ROOT / folder)}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: a build leaves folders behind."""
    copy, target = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in (*FOLDERS, "src"):
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(copy)], check=True)
    (file,) = target.glob("*.whl")
    return file


def test_the_wheel_puts_one_package_and_its_metadata_on_top(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"rl_lab", f"rl_lab-{PROJECT['project']['version']}.dist-info"}


def test_the_wheel_holds_every_file(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {place for _, place in sources()} <= held
    folders = {str(Path(place).parent) for _, place in sources("__init__.py")}
    assert {name.replace(".", "/") for name in PROJECT["tool"]["setuptools"]["packages"]} == folders


def test_the_wheel_works_by_itself(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = """
import gymnasium as gym, rl_lab, rl_lab.envs, rl_lab.jit
vector = gym.make_vec("rl_lab/CartPole-v1", num_envs=2)
vector.reset(seed=0)
vector.step([0, 1])
print(rl_lab.__file__, rl_lab.envs.__file__)
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [str(tmp_path / "site/rl_lab" / end) for end in ("__init__.py", "envs/__init__.py")]


@pytest.mark.parametrize("module", ["envs", "envs.classic.cartpole", "agents", "agents.ppo"])
def test_there_is_never_a_second_copy(module):
    run = subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    top = module.split(".")[0]
    sentence = f"this folder is installed as a part of rl_lab: write `import rl_lab.{top}` instead of `import {top}`"
    assert run.stderr.strip().splitlines()[-1] == f"ImportError: {sentence}"


HEAVY = ("torch", "scipy", "numba", "llvmlite", "stable_baselines3", "matplotlib", "pandas", "tensorboard", "pygame")
HEAVY += ("sklearn", "skimage", "librosa", "soundfile", "PIL")


def test_importing_registers_everything_and_stays_cheap(python):
    output = python("""
        import time
        start = time.perf_counter()
        import rl_lab
        print(time.perf_counter() - start)
        import sys
        import gymnasium
        print(*[name for name in gymnasium.registry if name.startswith("rl_lab/")])
        print(*sys.modules)
    """)
    seconds, ids, modules = output.splitlines()
    assert {"rl_lab/CartPole-v1", "rl_lab/Robot-DoorKey-8x8-v0"} <= set(ids.split())
    assert not {name.split(".")[0] for name in modules.split()} & set(HEAVY)
    assert float(seconds) < 2  # 0.15 s where nothing else runs


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


EXTRAS = {
    name: {normal(re.split(r"[><=\[; ]", line)[0]) for line in lines}
    for name, lines in ({"": PROJECT["project"]["dependencies"]} | PROJECT["project"]["optional-dependencies"]).items()
}
# What is asked for by name, used where it happens to be there, or never called but by the package itself.
FREE = {("run_log.py", "tensorboard"), ("window.py", "pygame"), ("envpool_steps.py", "envpool")}


def imports(file):
    """Other people's packages that a file imports, each with the extra whose `with extra(...)` it stands in."""

    def walk(node, name, within):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            return
        if isinstance(node, ast.With) and getattr(node.items[0].context_expr, "func", None):
            call = node.items[0].context_expr
            name = call.args[0].value if getattr(call.func, "id", "") == "extra" else name
        if isinstance(node, ast.FunctionDef):
            within = node.name
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
        for top in {module.split(".")[0] for module in modules} - {"rl_lab", "__main__"} - sys.stdlib_module_names:
            if within != "__sklearn_tags__":  # which scikit-learn alone calls
                yield top, name
        for child in ast.iter_child_nodes(node):
            yield from walk(child, name, within)

    return set(walk(ast.parse(file.read_text(encoding="utf-8")), "", ""))


@pytest.fixture(scope="module")
def distributions():
    """The distributions that bring an importable package, by its name."""
    found = packages_distributions()
    return lambda name: {normal(each) for each in found.get(name, [name])}


@pytest.mark.parametrize(("floor", "below"), [("jit", ()), ("core", ("jit",)), ("envs", ("jit", "core"))])
def test_the_lower_floors_import_nothing_of_the_floors_above(floor, below):
    """`errors`, `files`, `memory`, `random` and `validation` are modules that all floors share."""
    allowed = {floor, *below, "errors", "files", "memory", "random", "validation"}
    for file, place in sources(".py"):
        if place.startswith(f"rl_lab/{floor}/"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "rl_lab":
                    assert {name.name for name in node.names} <= allowed, place
                elif isinstance(node, ast.ImportFrom) and node.module.startswith("rl_lab."):
                    assert node.module.split(".")[1] in allowed, place


def test_what_the_lab_imports_is_declared_and_extras_are_asked_for_by_name(distributions):
    undeclared = []
    for file, place in sources(".py"):
        for package, name in imports(file):
            if (file.name, package) not in FREE and not distributions(package) & EXTRAS[name]:
                undeclared.append(f"{place} imports {package}, which {name or 'the package'} does not install")
    assert not undeclared


@pytest.mark.parametrize(
    ("folder", "names"),
    [("tests", ["test"]), ("benchmarks", ["bench"]), ("examples", list(EXTRAS)), ("docs", ["learn"])],
)
def test_what_stands_beside_the_lab_imports_only_what_its_extra_installs(distributions, folder, names):
    files = sorted((ROOT / folder).rglob("*.py"))
    own = {"benchmarks"} | {file.stem for file in files}
    installed = EXTRAS[""].union(*(EXTRAS[name] for name in names))
    undeclared = []
    for file in files:
        for package, _ in imports(file):
            if package not in own and (file.name, package) not in FREE and not distributions(package) & installed:
                undeclared.append(f"{file.name} imports {package}")
    assert not undeclared


def test_the_tests_install_every_extra():
    used = {name for name in EXTRAS if name not in ("dev", "test")}
    assert set().union(*(EXTRAS[name] for name in used)) <= EXTRAS[""] | EXTRAS["test"]


def test_a_missing_package_of_an_extra_is_a_sentence_with_its_command(python):
    said = python("""
        import sys
        from rl_lab.errors import LabError, extra
        sys.modules["soundfile"] = None
        try:
            with extra("learn", "reading a sound file"):
                import soundfile
        except LabError as error:
            print(error)
    """)
    sentence = "reading a sound file needs soundfile, which is not installed; run pip install -e '.[learn]'"
    assert said.strip() == sentence


def test_constraints_pin_all_that_is_installed_for_the_tests():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line) for line in lines), "plain pins, no local builds"
    pins = dict(line.split("==") for line in lines)
    pins = {normal(name): version for name, version in pins.items()}
    assert pins["torch"] == "2.13.0"
    extras = PROJECT["project"]["optional-dependencies"]
    for line in (*PROJECT["project"]["dependencies"], *extras["test"], *extras["dev"]):
        assert normal(re.split(r"[><=\[; ]", line)[0]) in pins


@pytest.mark.parametrize("name", ["rl_lab/envs", "rl_lab/agents", "src/rl_lab"])
def test_the_layout_is_made_of_relative_links(name):
    link = ROOT / name
    assert link.is_symlink()
    assert not os.path.isabs(os.readlink(link))
    assert link.resolve() == ROOT / link.name
    assert [entry.name for entry in (ROOT / "src").iterdir() if entry.suffix != ".egg-info"] == ["rl_lab"]


def test_help_lists_environments_and_agents(python):
    listed = python("import rl_lab; help(rl_lab)").partition("PACKAGE CONTENTS")[2].splitlines()
    assert {"    agents (package)", "    envs (package)", "    compare (package)"} <= set(listed)


def test_type_checkers_follow_the_installed_package(tmp_path):
    script = """
import rl_lab.agents, rl_lab.envs
reveal_type(rl_lab.agents.PPO("x").predict)
reveal_type(rl_lab.envs.register)
"""
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-torch.*,scipy.*,gymnasium.*]\nfollow_imports = skip\n")
    checked = subprocess.run([sys.executable, "-m", "mypy", "script.py"], cwd=tmp_path, capture_output=True, text=True)
    revealed = re.findall(r'Revealed type is "(.*)"', checked.stdout)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert revealed[0].startswith("def (observation: Any, ")
    assert "rl_lab.envs.definition.Definition" in revealed[1]
