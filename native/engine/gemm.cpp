#include "gemm.h"

#include <algorithm>
#include <vector>

#include "buffer.h"
#include "pick.h"
#include "pieces.h"
#include "pool.h"

namespace recurra {
namespace {

constexpr long kib = 1024;
// Operations from which a product is shared out: waking a thread takes as long as this many.
constexpr double shared_from = 4e6;

// a's rows lie whole in memory: b is packed once, tasks take rows.
template <class T>
void by_rows(long rows, long depth, long width, Matrix<const T> a, Matrix<const T> b, const T* bias, T* c,
             long c_stride, bool add, int threads) {
  const Kernels<T>& k = kernels<T>();
  constexpr long chunk = 512;
  const long columns_at_once = std::max<long>(k.panel, 4 * kib * kib / std::min(depth, chunk) / k.panel * k.panel);
  Buffer<T> packed = allocate<T>(std::min(depth, chunk) * (std::min(width, columns_at_once) + k.panel));
  const double flops = 2.0 * rows * depth * width;
  const int useful = flops < shared_from ? 1 : threads;
  const long group = std::max<long>(6, std::min<long>(96, pieces(rows, 4L * useful)));
  for (long n = 0; n < width; n += columns_at_once) {
    const long now = std::min(columns_at_once, width - n);
    for (long d = 0; d < depth; d += chunk) {
      const long deep = std::min(chunk, depth - d);
      const T* from = b.data + d * b.row_stride + n * b.column_stride;
      const long span = k.panel * std::max<long>(1, pieces(pieces(now, k.panel), 4L * useful));
      run_tasks(static_cast<int>(pieces(now, span)), useful, [&](int i) {
        k.pack(from, b.row_stride, b.column_stride, deep, now, i * span, std::min(now, (i + 1) * span), packed.get());
      });
      run_tasks(static_cast<int>(pieces(rows, group)), useful, [&](int i) {
        const long first = i * group;
        T* to = c + first * c_stride + n;
        k.product(a.data + first * a.row_stride + d * a.column_stride, a.row_stride, a.column_stride, packed.get(),
                  deep, now, std::min(group, rows - first), to, c_stride, d == 0 && bias ? bias + n : nullptr,
                  d > 0 || add ? to : nullptr, c_stride);
      });
    }
  }
}

struct Grid {
  long across, down;
};

// How c is cut into blocks, one a thread or more: each column of blocks packs the rows anew, each row of blocks the
// columns, so the cut that packs least is taken.
Grid grid_of(long rows, long width, int threads) {
  const long least_across = pieces(width, 1024), least_down = pieces(rows, 288);
  Grid best{0, 0};
  long least = 0;
  for (long across = least_across; across < least_across + threads; ++across) {
    const long down = std::max(least_down, pieces(threads, across));
    const long packed = across * rows + down * width;
    if (!best.across || packed < least) {
      best = {across, down};
      least = packed;
    }
  }
  return best;
}

// a is a transposed view (a weight's gradient): tasks take blocks of c and pack what they need. A block's rows of a
// stay in the second-level cache; columns of b may be many, for a panel of them at a time is read.
template <class T>
void by_columns(long rows, long depth, long width, Matrix<const T> a, Matrix<const T> b, const T* bias, T* c,
                long c_stride, bool add, int threads) {
  const Kernels<T>& k = kernels<T>();
  constexpr long chunk = 256;
  const double flops = 2.0 * rows * depth * width;
  const int useful = flops < shared_from ? 1 : threads;
  const Grid grid = grid_of(rows, width, useful);
  const long span = k.panel * pieces(pieces(width, k.panel), grid.across);
  const long group = 6 * pieces(pieces(rows, 6), grid.down);
  const long across = pieces(width, span), down = pieces(rows, group);
  run_tasks(static_cast<int>(across * down), useful, [&](int i) {
    const long n = i % across * span, m = i / across * group;
    const long columns = std::min(span, width - n), high = std::min(group, rows - m);
    const long most_deep = std::min(depth, chunk);
    T* packed = arena<T>(most_deep * (columns + k.panel + high) + 8);
    T* copied = packed + most_deep * (columns + k.panel);
    T* to = c + m * c_stride + n;
    for (long d = 0; d < depth; d += chunk) {
      const long deep = std::min(chunk, depth - d);
      k.pack(b.data + d * b.row_stride + n * b.column_stride, b.row_stride, b.column_stride, deep, columns, 0, columns,
             packed);
      k.pack_rows(a.data + m + d * a.column_stride, a.column_stride, deep, high, copied);
      k.product(copied, 1, 0, packed, deep, columns, high, to, c_stride,
                d == 0 && bias ? bias + n : nullptr, d > 0 || add ? to : nullptr, c_stride);
    }
  });
}

}  // namespace

template <class T>
void gemm(long rows, long depth, long width, Matrix<const T> a, Matrix<const T> b, const T* bias, T* c, long c_stride,
          bool add, int threads) {
  if (rows == 0 || width == 0) return;
  if (depth == 0) {
    for (long r = 0; r < rows && !add; ++r)
      for (long j = 0; j < width; ++j) c[r * c_stride + j] = bias ? bias[j] : T(0);
    return;
  }
  if (a.row_stride == 1 && a.column_stride != 1)
    by_columns(rows, depth, width, a, b, bias, c, c_stride, add, threads);
  else
    by_rows(rows, depth, width, a, b, bias, c, c_stride, add, threads);
}

template <class T>
void column_sums(const T* x, long stride, long rows, long width, T* sums, int threads) {
  const Kernels<T>& k = kernels<T>();
  constexpr long chunk = 256;
  const long chunks = std::max<long>(1, pieces(rows, chunk));
  std::vector<T> partial(static_cast<size_t>(chunks * width), T(0));
  run_tasks(static_cast<int>(chunks), rows * width < 100000 ? 1 : threads, [&](int i) {
    k.add_rows(x + i * chunk * stride, stride, std::min(chunk, rows - i * chunk), width, &partial[i * width]);
  });
  std::fill(sums, sums + width, T(0));
  k.add_rows(partial.data(), width, chunks, width, sums);
}

#define RECURRA_INSTANTIATE(T)                                                                                \
  template void gemm<T>(long, long, long, Matrix<const T>, Matrix<const T>, const T*, T*, long, bool, int); \
  template void column_sums<T>(const T*, long, long, long, T*, int);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
