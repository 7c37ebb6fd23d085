"""Machine code written by hand: a block of a matrix product that stays in registers.

LLVM does not keep a block of sums in registers across a loop that is not unrolled, and stores and loads it in every
turn; half of the processor's multiply-adds are lost with that. So the block's loop is built here, instruction by
instruction, for `rl_lab.core.gemm.add_block`, whose plain Python says what it computes. Generated modules import
this one; nothing else does, because it imports Numba.
"""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 64  # of a panel
FLOAT, INDEX, NUMBER = ir.FloatType(), ir.IntType(64), ir.IntType(32)


def _shape() -> tuple[int, int]:
    """Numbers in a vector, and vectors side by side: what four rows of sums leave room for in the registers."""
    return (16, 4) if llvm.get_host_cpu_features().get("avx512f") else (8, 2)


class _Block:
    """Emits `rows` rows of a product into a function under construction."""

    def __init__(self, builder: ir.IRBuilder, rows: int) -> None:
        self.builder, self.rows = builder, rows
        self.width, self.side = _shape()
        self.vector = ir.VectorType(FLOAT, self.width)
        signature = ir.FunctionType(self.vector, [self.vector] * 3)
        self.multiply_add = cgutils.get_or_insert_function(builder.module, signature, f"llvm.fmuladd.v{self.width}f32")

    def emit(self, matrix: Any, row_step: Any, column_step: Any, source: Any, target: Any, columns: Any) -> None:
        """All lanes, as many at a time as the registers hold."""
        for lane in range(0, LANES, self.width * self.side):
            self._lanes(matrix, row_step, column_step, self._at(source, lane), self._at(target, lane), columns)

    def _lanes(self, matrix: Any, row_step: Any, column_step: Any, source: Any, target: Any, columns: Any) -> None:
        builder = self.builder
        places = [self._at(target, row * LANES + i * self.width) for row in range(self.rows) for i in range(self.side)]
        matrix_rows = [matrix]
        for _ in range(1, self.rows):
            matrix_rows.append(builder.gep(matrix_rows[-1], [row_step]))
        before, first = builder.block, [self._load(place) for place in places]
        loop, after = builder.append_basic_block("columns"), builder.append_basic_block("stored")
        builder.cbranch(builder.icmp_signed(">", columns, INDEX(0)), loop, after)

        builder.position_at_end(loop)
        column = builder.phi(INDEX)
        sums = [builder.phi(self.vector) for _ in places]
        panel_row = builder.gep(source, [builder.mul(column, INDEX(LANES))])
        values = [self._load(self._at(panel_row, i * self.width)) for i in range(self.side)]
        offset, added = builder.mul(column, column_step), []
        for row in range(self.rows):
            weight = self._spread(builder.load(builder.gep(matrix_rows[row], [offset])))
            for i in range(self.side):
                added.append(builder.call(self.multiply_add, [weight, values[i], sums[row * self.side + i]]))
        following = builder.add(column, INDEX(1))
        builder.cbranch(builder.icmp_signed("<", following, columns), loop, after)
        for phi, start, turn in zip([column, *sums], [INDEX(0), *first], [following, *added], strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(turn, loop)

        builder.position_at_end(after)
        results = [builder.phi(self.vector) for _ in places]
        for result, start, end in zip(results, first, added, strict=True):
            result.add_incoming(start, before)
            result.add_incoming(end, loop)
        for result, place in zip(results, places, strict=True):
            builder.store(result, self._vectors(place)).align = 4

    def _at(self, pointer: Any, offset: int) -> Any:
        return self.builder.gep(pointer, [INDEX(offset)])

    def _vectors(self, pointer: Any) -> Any:
        return self.builder.bitcast(pointer, self.vector.as_pointer())

    def _load(self, pointer: Any) -> Any:
        value = self.builder.load(self._vectors(pointer))
        value.align = 4
        return value

    def _spread(self, number: Any) -> Any:
        """A vector of one number."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(undefined, number, NUMBER(0))
        zeros = ir.Constant(ir.VectorType(NUMBER, self.width), [0] * self.width)
        return self.builder.shuffle_vector(single, undefined, zeros)


@intrinsic
def add_block(_context, rows, matrix, row_step, column_step, source, target):
    """`rl_lab.core.gemm.add_block` for Numba."""
    if not isinstance(rows, types.IntegerLiteral):
        return None
    count = rows.literal_value
    signature = types.void(rows, matrix, types.intp, types.intp, source, target)

    def generate(context, builder, signature, arguments):
        arrays = {i: context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (1, 4, 5)}
        columns = builder.sdiv(arrays[4].nitems, INDEX(LANES))
        _Block(builder, count).emit(arrays[1].data, arguments[2], arguments[3], arrays[4].data, arrays[5].data, columns)
        return context.get_dummy_value()

    return signature, generate
