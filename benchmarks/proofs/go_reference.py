"""The rules of Go once more, as slowly and as plainly as they can be written: what the compiled ones are held to.

Grids are tuples of rows, positions are compared whole, groups are found by flooding. Nothing of the lab is used.
"""

from __future__ import annotations

Grid = tuple[tuple[int, ...], ...]  # 1 black, -1 white, 0 empty, from the upper left
Point = tuple[int, int]  # row, column


class Reference:
    """A game by Tromp and Taylor's rules with a choice of ko and suicide; colours are 1 black and -1 white."""

    def __init__(self, size: int, ko: str = "positional", suicide: bool = False) -> None:
        self.size, self.ko, self.suicide = size, ko, suicide
        self.grid: Grid = tuple((0,) * size for _ in range(size))
        self.before: Grid | None = None  # the grid before the last move, if that was no pass
        self.to_play = 1
        self.captures = {1: 0, -1: 0}
        self.situations = {(self.grid, self.to_play)}

    def legal(self) -> set[Point]:
        """Points that may be played."""
        points = [(row, column) for row in range(self.size) for column in range(self.size)]
        return {point for point in points if not self.problem(point)}

    def problem(self, point: Point) -> str:
        """Why a move is illegal, or nothing."""
        row, column = point
        if self.grid[row][column]:
            return "occupied"
        after, taken, lost = self.after(point)
        if lost and not self.suicide:
            return "suicide"
        if self.ko == "simple" and taken == 1 and after == self.before:
            return "ko"
        if self.ko == "positional" and any(after == grid for grid, _ in self.situations):
            return "superko"
        if self.ko == "situational" and (after, -self.to_play) in self.situations:
            return "superko"
        return ""

    def play(self, point: Point | None) -> None:
        """Play a legal move, or pass with None."""
        if point is None:
            self.before = None
        else:
            after, taken, lost = self.after(point)
            self.captures[self.to_play] += taken
            self.captures[-self.to_play] += lost
            self.before, self.grid = self.grid, after
        self.to_play = -self.to_play
        self.situations.add((self.grid, self.to_play))

    def after(self, point: Point) -> tuple[Grid, int, int]:
        """The grid after a move, how many enemies it takes, and how many friends it kills."""
        rows = [list(row) for row in self.grid]
        rows[point[0]][point[1]] = self.to_play
        taken = sum(self.clear(rows, beside) for beside in self.around(point) if at(rows, beside) == -self.to_play)
        lost = self.clear(rows, point)
        return tuple(map(tuple, rows)), taken, lost

    def clear(self, rows: list[list[int]], point: Point) -> int:
        """Take a group off the board if it has no liberty; returns how many stones that were."""
        group, edge = self.region(rows, point)
        if any(at(rows, beside) == 0 for beside in edge):
            return 0
        for row, column in group:
            rows[row][column] = 0
        return len(group)

    def region(self, rows: list[list[int]], point: Point) -> tuple[set[Point], set[Point]]:
        """All that is connected with a point and like it, and what lies around that."""
        inside, edge, waiting = {point}, set[Point](), [point]
        while waiting:
            for beside in self.around(waiting.pop()):
                if at(rows, beside) != at(rows, point):
                    edge.add(beside)
                elif beside not in inside:
                    inside.add(beside)
                    waiting.append(beside)
        return inside, edge

    def around(self, point: Point) -> list[Point]:
        """Neighbours on the board."""
        row, column = point
        beside = [(row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column)]
        return [(r, c) for r, c in beside if 0 <= r < self.size and 0 <= c < self.size]

    def area(self) -> tuple[int, int]:
        """Points of Black and of White."""
        rows, points = [list(row) for row in self.grid], {1: 0, -1: 0}
        for row in range(self.size):
            for column in range(self.size):
                colours = {rows[row][column]}
                if colours == {0}:
                    colours = {at(rows, beside) for beside in self.region(rows, (row, column))[1]}
                if len(colours) == 1:
                    points[colours.pop()] += 1
        return points[1], points[-1]


def at(rows: list[list[int]], point: Point) -> int:
    """What is on a point."""
    return rows[point[0]][point[1]]
