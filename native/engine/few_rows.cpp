// Compiled once per instruction level: see native/levels.cmake.
#include "few_rows.h"

#include "product.h"

namespace recurra {
namespace RECURRA_LEVEL {
namespace {

constexpr int V = panel_vectors;
constexpr int W = Vector<float>::width;
constexpr int NR = V * W;

// R rows against P whole panels: R * P * V sums on their way at a time.
template <int R, int P>
void panels(const float* a, long row_stride, const float* packed, long depth, float* c, long c_stride,
            Start<float> start) {
  for (long done = 0; done < depth || done == 0; done += chain) {
    const long end = depth - done < chain ? depth : done + chain;
    Vec<float> sums[R][P][V] = {};
    for (long k = done; k < end; ++k) {
      Vec<float> x[R];
#pragma GCC unroll 2
      for (int r = 0; r < R; ++r) x[r] = splat(a[r * row_stride + k]);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
          const Vec<float> w = load(packed + p * NR * depth + k * NR + v * W);
#pragma GCC unroll 2
          for (int r = 0; r < R; ++r) sums[r][p][v] += x[r] * w;
        }
      }
    }
    // additions in the order of `block` in product.h
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
          const long column = p * NR + v * W;
          Vec<float> sum = sums[r][p][v];
          if (start.addend) sum += load(start.addend + r * start.addend_stride + column);
          if (start.bias) sum += load(start.bias + column);
          store(c + r * c_stride + column, sum);
        }
      }
    }
    start = Start<float>{nullptr, c, c_stride};
  }
}

template <int R, int P>
void rows_of(const float* a, long row_stride, const float* packed, long depth, long width, float* c, long c_stride,
             Start<float> start) {
  long n = 0;
  const auto from = [&] {
    return Start<float>{start.bias ? start.bias + n : nullptr, start.addend ? start.addend + n : nullptr,
                        start.addend_stride};
  };
  for (; n + P * NR <= width; n += P * NR)
    panels<R, P>(a, row_stride, packed + n * depth, depth, c + n, c_stride, from());
  for (; n + NR <= width; n += NR) panels<R, 1>(a, row_stride, packed + n * depth, depth, c + n, c_stride, from());
  if (n < width)
    panel_rows<float>(a, row_stride, 1, packed + n * depth, depth, R, c + n, c_stride, static_cast<int>(width - n),
                      from());
}

void run(const float* a, long row_stride, const float* packed, long depth, long width, long rows, float* c,
         long c_stride, const float* bias, const float* addend, long addend_stride) {
  const Start<float> start{bias, addend, addend_stride};
  if (rows == 1)
    rows_of<1, 8 / V>(a, row_stride, packed, depth, width, c, c_stride, start);
  else
    rows_of<2, 4 / V>(a, row_stride, packed, depth, width, c, c_stride, start);
}

}  // namespace

extern constexpr FewRows few_rows = run;

}  // namespace RECURRA_LEVEL
}  // namespace recurra
