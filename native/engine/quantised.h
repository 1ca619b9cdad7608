// Products of float32 rows with weights held in fewer bits.
//
// A panel holds its columns of every row of the matrix, one row after the other; the last one is filled up with
// zeros.
// bfloat16: rounded to nearest, ties to even; each weight is expanded to float32 in a register (its bits
// are the upper half of the float32's), so any processor runs it and none rounds the rows. Sums are float32.
// int8: one scale a column, `scale = largest / 127`, `weight = scale * whole number`; a row is rounded to 16 bits,
// likewise, up to 4,096 of its numbers with one scale. Their products are whole numbers and summed without
// rounding; a row that holds a NaN or an infinity gives NaN.
#pragma once
#include <cstdint>

namespace recurra {

struct QuantisedKernels {
  long (*packed_size)(long depth, long width);  // numbers
  void (*pack_bfloat16)(const float* w, long depth_stride, long width_stride, long depth, long width, uint16_t* packed);
  // scales: as many as packed columns, rounded up to whole panels of `panel`
  void (*pack_int8)(const float* w, long depth_stride, long width_stride, long depth, long width, int8_t* packed,
                    float* scales);
  // c [rows, width] = bias + addend + a [rows, depth] @ packed; c may be the addend.
  void (*product_bfloat16)(const float* a, long row_stride, const uint16_t* packed, long depth, long width, long rows,
                           float* c, long c_stride, const float* bias, const float* addend, long addend_stride);
  void (*product_int8)(const float* a, long row_stride, const int8_t* packed, const float* scales, long depth,
                       long width, long rows, float* c, long c_stride, const float* bias, const float* addend,
                       long addend_stride);
  int panel;
};

}  // namespace recurra
