// Large products, shared out over threads. Every element is summed in one order, whatever the
// number of threads: chunks of 512 (rows against columns) or 256 (transposed) in turn.
#pragma once
#include "matrix.h"

namespace recurra {

// c [rows, width] (column stride 1) = a [rows, depth] @ b [depth, width] + bias [width] or null,
// or added to what c holds.
template <class T>
void gemm(long rows, long depth, long width, Matrix<const T> a, Matrix<const T> b, const T* bias, T* c, long c_stride,
          bool add, int threads);

// sums [width] = the sum of all rows of x, in fixed chunks of rows
template <class T>
void column_sums(const T* x, long stride, long rows, long width, T* sums, int threads);

}  // namespace recurra
