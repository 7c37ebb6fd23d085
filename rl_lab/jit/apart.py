"""Compiling in a process of its own, so that what runs is always what the cache holds.

Machine code that was just compiled is not quite what is loaded later: in the process that compiled it, calls
that were not inlined may end in an earlier copy of the called function, optimised in another context and
rounded differently. With `fastmath` the first run of a training would then differ from all later ones; exact
code has one result however it is optimised, and is compiled where it is wanted, unless it is so large that this
process is done sooner. It also keeps the compiler's memory, some hundred megabytes, out of the user's.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

# Imports nothing of the lab by itself: unpickling imports what the signature refers to. Numba optimises each
# function, with all that it calls, anew on every level of calls. Nothing runs here, so that only the entry needs it,
# which saves a third of the time. Should a new Numba look different inside, the child fails, and the parent compiles.
CHILD = """
import importlib.util, pickle, sys
from numba.core.codegen import CPUCodeLibrary
name, path, entry = sys.argv[1:]
sys.path[:] = pickle.load(sys.stdin.buffer)
optimize = CPUCodeLibrary._optimize_final_module
CPUCodeLibrary._optimize_final_module = lambda self: optimize(self) if self.name == entry else None
spec = importlib.util.spec_from_file_location(name, path)
module = sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
getattr(module, entry).compile(pickle.load(sys.stdin.buffer))
"""


def compile_apart(path: Path, name: str, entry: str, signature: tuple[Any, ...]) -> bool:
    """Compile a generated module into Numba's cache, in a process of its own.

    Args:
        path: the generated module.
        name: under which it is imported.
        entry: its cached function.
        signature: Numba's types of the arguments.

    Returns:
        Whether that worked; where it did not, compiling in this process gives the reason.
    """
    try:
        words = pickle.dumps(sys.path) + pickle.dumps(signature)
        command = [sys.executable, "-c", CHILD, name, str(path), entry]
        done = subprocess.run(command, input=words, capture_output=True, env=_environment(), check=False)
    except (OSError, ValueError, TypeError, AttributeError, pickle.PicklingError):
        return False
    return done.returncode == 0


def _environment() -> dict[str, str]:
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
