// Views of numbers that someone else holds.
#pragma once

namespace recurra {

template <class T>
struct Matrix {
  T* data;
  long row_stride, column_stride;

  Matrix transposed() const { return {data, column_stride, row_stride}; }
};

// Rows whose columns lie next to each other; a stride of 0 gives every row the same numbers.
template <class T>
struct Strided {
  T* data;
  long row_stride;
};

}  // namespace recurra
