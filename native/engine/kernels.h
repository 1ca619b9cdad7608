// What each instruction level offers to the interpreter: one table a number type.
#pragma once
#include "ops.h"

namespace recurra {

// d [rows, width] from up to three operands of the same shape, each with its own row stride.
// A stride of 0 gives every row the same numbers. An operand whose bit is set in the mode (see ops.h) is one
// number a row.
template <class T>
struct Tile {
  long rows, width;
  T* d;
  const T *a, *b, *c;
  long ds, as, bs, cs;
  long block, count;  // see Line
};

template <class T>
using Instruction = void (*)(const Tile<T>&);

template <class T>
struct Kernels {
  int panel;  // columns of a packed panel
  long (*packed_size)(long depth, long width);
  // Columns [first, last) of a matrix [depth, width] of any strides; first is a multiple of panel.
  void (*pack)(const T* w, long depth_stride, long width_stride, long depth, long width, long first, long last,
               T* packed);
  // Rows of a transposed matrix laid out for `product` (8 elements more than depth * rows).
  void (*pack_rows)(const T* a, long depth_stride, long depth, long rows, T* to);
  // depth_stride is 0 for rows laid out by pack_rows.
  // c [rows, width] = bias + addend + a [rows, depth] @ packed; c may be the addend.
  void (*product)(const T* a, long row_stride, long depth_stride, const T* packed, long depth, long width, long rows,
                  T* c, long c_stride, const T* bias, const T* addend, long addend_stride);
  // sums [width] += rows of x, in order
  void (*add_rows)(const T* x, long stride, long rows, long width, T* sums);
  Instruction<T> instruction[static_cast<int>(Op::count)][modes];  // null where a mode does not exist
};

}  // namespace recurra
