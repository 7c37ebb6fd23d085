"""The command line, `rl-lab`.

Bad input ends with one sentence and exit code 2; what was written before stays.
"""

import importlib.metadata
import io
import logging
import os
import shutil
import sys

from rl_lab.cli import comparing, drive, generate, gtp, learning, match, play, training  # noqa: F401  # the commands
from rl_lab.cli.app import app, registry
from rl_lab.cli.overview import COMMANDS, overview
from rl_lab.errors import LabError, printable
from rl_lab.files import FULL

NARROWEST = 40  # columns of help; in fewer there would be none


class Printable(logging.Formatter):
    """Messages as a terminal may have them: other people's programs and files have given names in them."""

    def format(self, record: logging.LogRecord) -> str:
        """The message as `printable` shows it."""
        return printable(super().format(record))


def main() -> None:
    """Run the command line."""
    handler = logging.StreamHandler()
    handler.setFormatter(Printable())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("rl_lab").setLevel(logging.INFO)
    sys.path.append(os.getcwd())  # so that my_package:MyEnv-v0 is found; last, or a scipy.py there would be imported
    if sys.argv[1:] == ["--version"]:
        print(f"rl-lab {importlib.metadata.version('rl-lab')}")
        return
    if not sys.argv[1:]:
        print(overview(), file=sys.stderr)
        sys.exit(2)
    if shutil.get_terminal_size().columns < NARROWEST:
        os.environ["COLUMNS"] = str(NARROWEST)
    if sys.stdin is None:  # as it is where a shell closed it
        sys.stdin = open(os.devnull)  # noqa: SIM115  # until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # signs such as − and ±, which not every encoding has
    try:
        if sys.argv[1:] in (["-h"], ["--help"]):
            print(overview())
        elif sys.argv[1] not in COMMANDS and not sys.argv[1].startswith("-"):
            raise LabError(f"there is no command {sys.argv[1]!r}; choose one of {', '.join(COMMANDS)}")
        else:
            training.take_settings(sys.argv[1:])
            app.cli(prog="rl-lab", registry=registry)
        if sys.stdout is not None:  # as it is where a shell closed it
            sys.stdout.flush()
    except LabError as error:
        print(f"rl-lab: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("rl-lab: stopped; what was written stays", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = error.filename or "what was printed or kept"
        print(
            f"rl-lab: {where} cannot be written: {error.strerror}; free space there, and start again", file=sys.stderr
        )
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or what was not printed fails again at the end
        sys.exit(2)
