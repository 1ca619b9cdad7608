// Products against packed weights: register blocks of up to 6 rows by 4 vectors.
//
// A weight matrix [depth, width] is packed in panels of 4 vectors; a panel holds its columns of
// every row of the matrix one after the other, and the last panel is as narrow as it can be.
// Each element of a result is summed over the depth in one order, in chains of 256 multiply-adds
// (a longer chain would lose accuracy), whatever block it falls into: a result does not depend on
// how rows are shared out.
#pragma once
#include "vec.h"

namespace recurra {
namespace RECURRA_LEVEL {

constexpr int block_rows = 6;
constexpr long chain = 256;
#if RECURRA_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int panel_vectors = 4;  // 32 registers: 24 sums, 4 weights, the row's value
constexpr int panels_of_one = 4;
#else
constexpr int panel_vectors = 2;  // 16 registers: 12 sums, 2 weights, the row's value
constexpr int panels_of_one = 4;
#endif

template <class T>
constexpr int panel_width() {
  return panel_vectors * Vector<T>::width;
}

// sums[r][v] += rows[r][k] * panel[k][v] over k
template <class T, int R, int V>
RECURRA_INLINE void accumulate(const T* a, long row_stride, long depth_stride, const T* panel, long depth,
                               Vec<T> (&sums)[R][V]) {
  constexpr int W = Vector<T>::width;
  for (long k = 0; k < depth; ++k) {
    Vec<T> w[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) w[v] = load(panel + v * W);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vec<T> x = splat(a[r * row_stride]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sums[r][v] = multiply_add(x, w[v], sums[r][v]);
    }
    a += depth_stride;
    panel += V * W;
  }
}

// What is added to a product: bias [width], addend [rows, width], both, or nothing.
template <class T>
struct Start {
  const T* bias;
  const T* addend;
  long addend_stride;
};

// Asks for the cache lines that a block ends with, for the time of its products: they are often cold.
template <class T, int R, int V>
RECURRA_INLINE void prefetch_ends(const T* c, long c_stride, const Start<T>& start) {
  constexpr long last = V * Vector<T>::width - 1;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    if (start.addend) {  // into the second level: a long stride would drive it out of the first
      __builtin_prefetch(start.addend + r * start.addend_stride, 0, 2);
      __builtin_prefetch(start.addend + r * start.addend_stride + last, 0, 2);
    } else {
      __builtin_prefetch(c + r * c_stride, 1);
      __builtin_prefetch(c + r * c_stride + last, 1);
    }
  }
}

template <class T, int R, int V>
static void block(const T* a, long row_stride, long depth_stride, const T* panel, long depth, T* c, long c_stride,
                  int columns, Start<T> start) {
  constexpr int W = Vector<T>::width;
  const int tail = columns - (V - 1) * W;
  prefetch_ends<T, R, V>(c, c_stride, start);
  for (long done = 0; done < depth || done == 0; done += chain) {
    const long now = depth - done < chain ? depth - done : chain;
    Vec<T> sums[R][V] = {};
    accumulate<T, R, V>(a + done * depth_stride, row_stride, depth_stride, panel + done * V * W, now, sums);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const bool whole = v < V - 1 || tail == W;
      Vec<T> bias{};
      if (start.bias) bias = whole ? load(start.bias + v * W) : load_some(start.bias + v * W, tail);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        T* to = c + r * c_stride + v * W;
        Vec<T> sum = sums[r][v];
        if (start.addend) {
          const T* from = start.addend + r * start.addend_stride + v * W;
          sum += whole ? load(from) : load_some(from, tail);
        }
        if (start.bias) sum += bias;
        if (whole)
          store(to, sum);
        else
          store_some(to, sum, tail);
      }
    }
    start = Start<T>{nullptr, c, c_stride};
  }
}

template <class T, int V>
RECURRA_INLINE void block_of(int rows, const T* a, long row_stride, long depth_stride, const T* panel, long depth,
                             T* c, long c_stride, int columns, Start<T> start) {
  switch (rows) {
    case 1: return block<T, 1, V>(a, row_stride, depth_stride, panel, depth, c, c_stride, columns, start);
    case 2: return block<T, 2, V>(a, row_stride, depth_stride, panel, depth, c, c_stride, columns, start);
    case 3: return block<T, 3, V>(a, row_stride, depth_stride, panel, depth, c, c_stride, columns, start);
    case 4: return block<T, 4, V>(a, row_stride, depth_stride, panel, depth, c, c_stride, columns, start);
    case 5: return block<T, 5, V>(a, row_stride, depth_stride, panel, depth, c, c_stride, columns, start);
    default: return block<T, 6, V>(a, row_stride, depth_stride, panel, depth, c, c_stride, columns, start);
  }
}

// Rows are cut into blocks as even as can be (16 rows are 6 + 5 + 5).
RECURRA_INLINE int next_block(long rows) {
  const long blocks = (rows + block_rows - 1) / block_rows;
  return static_cast<int>((rows + blocks - 1) / blocks);
}

// One panel against all rows. A depth_stride of 0 says that `pack_rows` laid out the rows.
template <class T>
static void panel_rows(const T* a, long row_stride, long depth_stride, const T* panel, long depth, long rows, T* c,
                       long c_stride, int columns, Start<T> start) {
  constexpr int W = Vector<T>::width;
  const int vectors = (columns + W - 1) / W;
  while (rows > 0) {
    const int now = next_block(rows);
    const long rs = depth_stride ? row_stride : 1, ds = depth_stride ? depth_stride : now;
    switch (vectors) {
      case 1: block_of<T, 1>(now, a, rs, ds, panel, depth, c, c_stride, columns, start); break;
      case 2: block_of<T, 2>(now, a, rs, ds, panel, depth, c, c_stride, columns, start); break;
#if RECURRA_VECTOR_BYTES == 64 || defined(__aarch64__)
      case 3: block_of<T, 3>(now, a, rs, ds, panel, depth, c, c_stride, columns, start); break;
      default: block_of<T, 4>(now, a, rs, ds, panel, depth, c, c_stride, columns, start); break;
#endif
    }
    a += now * (depth_stride ? row_stride : depth);
    c += now * c_stride;
    if (start.addend) start.addend += now * start.addend_stride;
    rows -= now;
  }
}

// Lays out the rows of a transposed matrix (rows next to each other in memory) for `product`: block
// by block, a block's rows side by side. Room for 8 elements more than depth * rows is needed.
template <class T>
static void pack_rows(const T* a, long depth_stride, long depth, long rows, T* to) {
  while (rows > 0) {
    const int now = next_block(rows);
    const bool wide = rows >= 8;  // copy 8 and let the next copy overwrite what is too much
    for (long k = 0; k < depth; ++k) {
      if (wide)
        memcpy(to + k * now, a + k * depth_stride, 8 * sizeof(T));
      else
        for (int r = 0; r < now; ++r) to[k * now + r] = a[k * depth_stride + r];
    }
    a += now;
    to += now * depth;
    rows -= now;
  }
}

// One or two rows against P whole panels side by side: as many sums at work as a block of six rows has,
// where a panel alone would wait for its few.
template <class T, int R, int P>
static void panels_beside(const T* a, long row_stride, long depth_stride, const T* panels, long depth, T* c,
                          long c_stride, Start<T> start) {
  constexpr int W = Vector<T>::width, V = panel_vectors;
  const long span = depth * V * W;
  for (long done = 0; done < depth || done == 0; done += chain) {
    const long now = depth - done < chain ? depth - done : chain;
    Vec<T> sums[P][R][V] = {};
    const T *x = a + done * depth_stride, *w = panels + done * V * W;
    for (long k = 0; k < now; ++k) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec<T> value = splat(x[r * row_stride]);
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v)
            sums[p][r][v] = multiply_add(value, load(w + p * span + v * W), sums[p][r][v]);
      }
      x += depth_stride;
      w += V * W;
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v)
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const long column = (p * V + v) * W;
          Vec<T> sum = sums[p][r][v];
          if (start.addend) sum += load(start.addend + r * start.addend_stride + column);
          if (start.bias) sum += load(start.bias + column);
          store(c + r * c_stride + column, sum);
        }
    start = Start<T>{nullptr, c, c_stride};
  }
}

// c [rows, width] = start + a [rows, depth] @ packed
template <class T>
static void product(const T* a, long row_stride, long depth_stride, const T* packed, long depth, long width, long rows,
                    T* c, long c_stride, const T* bias, const T* addend, long addend_stride) {
  constexpr int NR = panel_width<T>();
  const long rs = depth_stride ? row_stride : 1, ds = depth_stride ? depth_stride : rows;
  long n = 0;
  const auto start = [&] { return Start<T>{bias ? bias + n : nullptr, addend ? addend + n : nullptr, addend_stride}; };
  const auto beside = [&](auto kernel, int panels) {
    for (; n + panels * NR <= width; n += panels * NR)
      kernel(a, rs, ds, packed + n * depth, depth, c + n, c_stride, start());
  };
  if (rows == 1) beside(panels_beside<T, 1, panels_of_one>, panels_of_one);
  if (rows == 2) beside(panels_beside<T, 2, panels_of_one / 2>, panels_of_one / 2);
  for (; n < width; n += NR) {
    const int columns = static_cast<int>(width - n < NR ? width - n : NR);
    panel_rows<T>(a, row_stride, depth_stride, packed + n * depth, depth, rows, c + n, c_stride, columns, start());
  }
}

// Elements a packed [depth, width] takes.
template <class T>
static long packed_size(long depth, long width) {
  constexpr int W = Vector<T>::width;
  return depth * ((width + W - 1) / W) * W;
}

// Packs columns [first, last) of a matrix of any strides; `first` is a multiple of the panel width.
template <class T>
static void pack(const T* w, long depth_stride, long width_stride, long depth, long width, long first, long last,
                 T* packed) {
  constexpr int NR = panel_width<T>();
  constexpr int W = Vector<T>::width;
  constexpr long at_once = 16;  // of the depth: cache lines of the source are read while they are at hand
  for (long k0 = 0; k0 < depth; k0 += at_once) {
    const long k1 = k0 + at_once < depth ? k0 + at_once : depth;
    for (long n = first; n < last; n += NR) {
      const long columns = width - n < NR ? width - n : NR;
      const long padded = (columns + W - 1) / W * W;
      T* to = packed + n * depth;
      const T* from = w + n * width_stride;
      if (width_stride == 1 && columns == NR) {
        for (long k = k0; k < k1; ++k) {
          memcpy(to + k * NR, from + k * depth_stride, NR * sizeof(T));
          __builtin_prefetch(from + (k + at_once) * depth_stride, 0, 2);
        }
        continue;
      }
      for (long j = 0; j < columns; ++j)
        for (long k = k0; k < k1; ++k) to[k * padded + j] = from[k * depth_stride + j * width_stride];
      for (long j = columns; j < padded; ++j)
        for (long k = k0; k < k1; ++k) to[k * padded + j] = 0;
    }
  }
}

// sums [width] += rows of x [rows, width], in order
template <class T>
static void add_rows(const T* x, long stride, long rows, long width, T* sums) {
  constexpr int W = Vector<T>::width;
  for (long r = 0; r < rows; ++r, x += stride) {
    long i = 0;
    for (; i + W <= width; i += W) store(sums + i, load(sums + i) + load(x + i));
    for (; i < width; ++i) sums[i] += x[i];
  }
}

}  // namespace RECURRA_LEVEL
}  // namespace recurra
