"""Blocks of Python in a README: they run one after the other, and values in their comments are what comes out."""

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple


class Shown(NamedTuple):
    """An expression with its value in the comment behind it."""

    source: str
    comment: str
    value: Any

    @property
    def text(self) -> str:
        """The value as the comment writes it: numbers with as many decimals, tuples without their brackets."""
        value = self.value.item() if hasattr(self.value, "item") else self.value
        if isinstance(value, float):
            return f"{value:.{len(self.comment.partition('.')[2])}f}"
        return repr(value)[1:-1] if isinstance(value, tuple) and not self.comment.startswith("(") else repr(value)


def python_blocks(readme: Path) -> list[str]:
    """The blocks of Python, in order."""
    return re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)


def run(blocks: list[str], names: dict[str, Any], lanes: int = 4) -> list[Shown]:
    """Run blocks one after the other, uncompiled and with few lanes; the values that they show.

    Args:
        blocks: as the README has them.
        names: what the blocks find, and leave behind.
        lanes: of a batch that has 4096 in the README.
    """
    shown = []
    for block in blocks:
        plain = re.sub(r"(gym\.make(?:_vec)?\(.*?)\)", r"\1, debug=True)", block)
        plain = plain.replace("num_envs=4096", f"num_envs={lanes}")
        lines = plain.splitlines()
        for statement in ast.parse(plain).body:
            source = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
            if isinstance(statement, ast.Expr):
                code = ast.unparse(statement)
                value = eval(code, names)
                comment = source.partition("  # ")[2]
                if comment and _is_value(comment):
                    shown.append(Shown(code, comment, value))
            else:
                exec(source, names)
    return shown


def _is_value(comment: str) -> bool:
    """Whether a comment is Python and no prose."""
    try:
        ast.parse(comment, mode="eval")
    except SyntaxError:
        return False
    return True
