// The instructions of an encoded program: R(name, number of operands).
// Masks are numbers: 1 is true, 0 is false.
#pragma once

#define RECURRA_POINTWISE(R)                                                                              \
  R(copy, 1) R(neg, 1) R(sigmoid, 1) R(tanh, 1) R(relu, 1) R(exp, 1) R(log, 1) R(log1p, 1) R(expm1, 1)    \
  R(sqrt, 1) R(rsqrt, 1) R(reciprocal, 1) R(abs, 1) R(sign, 1) R(sin, 1) R(cos, 1) R(erf, 1) R(floor, 1)  \
  R(logical_not, 1)                                                                                       \
  R(add, 2) R(sub, 2) R(mul, 2) R(div, 2) R(maximum, 2) R(minimum, 2) R(gt, 2) R(ge, 2) R(lt, 2) R(le, 2) \
  R(eq, 2) R(ne, 2) R(pow, 2) R(logical_and, 2) R(logical_or, 2)                                          \
  R(sigmoid_slope, 2) /* a * b * (1 - b): gradient a through b = sigmoid(..) */                           \
  R(tanh_slope, 2)    /* a * (1 - b * b) */                                                               \
  R(where, 3)         /* a ? b : c */                                                                     \
  R(muladd, 3)        /* a * b + c */

// Along the width of a row, to width 1; `norm` is the root of the sum of squares, `total` adds rows to a sum over all
// rows and steps.
#define RECURRA_ROWWISE(R) R(sum, 1) R(amax, 1) R(amin, 1) R(norm, 1) R(total, 1)

// Between a row [outer, count, block] and a row [outer, block], and by column. `gather`: d[i] = a[b[i]], and
// `scatter_add`: d[b[i]] += a[i] onto zeros, with a vector b of column numbers.
//
// Between a row of matrices and what reads it, over the sub-rows that a line parts its row into (see Line): `dot`,
// d[i] = sum over j of a[i, j] * b[i, j], and `weigh`, d[j] = sum over i of a[i, j] * b[i, j].
#define RECURRA_PARTS(R) \
  R(dot, 2) R(weigh, 2) R(repeat, 1) R(sum_parts, 1) R(amax_parts, 1) R(amin_parts, 1) R(gather, 2) R(scatter_add, 2)

namespace recurra {

// Bits of an instruction's mode: this operand is one number a row.
constexpr int single_b = 1, single_c = 2, single_a = 4;
constexpr int modes = 8;

enum class Op : int {
#define R(name, operands) name,
  RECURRA_POINTWISE(R) RECURRA_ROWWISE(R) RECURRA_PARTS(R)
#undef R
      count
};

}  // namespace recurra
