// Compiled once per instruction level: see native/levels.cmake.
#include "quantised.h"

#include "bytes.h"
#include "product.h"

namespace recurra {
namespace RECURRA_LEVEL {
namespace {

using VF = Vec<float>;
constexpr int W = Vector<float>::width;
constexpr int V = 4;
constexpr int panel = V * W;

typedef uint32_t Word __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
typedef uint32_t LooseWord __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(2), may_alias));

RECURRA_INLINE void write(float* to, VF sum, int columns) {
  if (columns >= W)
    store(to, sum);
  else if (columns > 0)
    store_some(to, sum, columns);
}

RECURRA_INLINE VF read(const float* from, int columns) {
  return columns >= W ? load(from) : columns > 0 ? load_some(from, columns) : VF{};
}

// bfloat16: two vectors share one of 32-bit lanes, the first in the lower halves.

RECURRA_INLINE void expand(const uint16_t* p, VF& first, VF& second) {
  const Word both = *reinterpret_cast<const LooseWord*>(p);
  first = reinterpret_cast<VF>(both << 16);
  second = reinterpret_cast<VF>(both & 0xffff0000u);
}

// One row against P panels, with sums in the order of product.h.
template <int P>
void halves(const float* a, const uint16_t* packed, long depth, float* c, int columns, Start<float> start) {
  for (long done = 0; done < depth || done == 0; done += chain) {
    const long end = depth - done < chain ? depth : done + chain;
    VF sums[P][V] = {};
    for (long k = done; k < end; ++k) {
      const VF x = splat(a[k]);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v += 2) {
          VF first, second;
          expand(packed + (p * depth + k) * panel + v * W, first, second);
          sums[p][v] = multiply_add(x, first, sums[p][v]);
          sums[p][v + 1] = multiply_add(x, second, sums[p][v + 1]);
        }
      }
    }
    for (int p = 0; p < P; ++p)
      for (int v = 0; v < V; ++v) {
        const int column = p * panel + v * W, now = columns - column;
        VF sum = sums[p][v];
        if (start.addend) sum += read(start.addend + column, now);
        if (start.bias) sum += read(start.bias + column, now);
        write(c + column, sum, now);
      }
    start = Start<float>{nullptr, c, 0};
  }
}

// Many rows: a panel is expanded once, then multiplied as float32.
void many_halves(const float* a, long row_stride, const uint16_t* packed, long depth, long rows, float* c,
                 long c_stride, int columns, Start<float> start) {
  alignas(64) float wide[chain * panel_vectors * W];
  for (int begin = 0; begin < columns; begin += panel_vectors * W) {
    Start<float> from{start.bias ? start.bias + begin : nullptr, start.addend ? start.addend + begin : nullptr,
                      start.addend_stride};
    const int now = columns - begin < panel_vectors * W ? columns - begin : panel_vectors * W;
    const int vectors = (now + W - 1) / W;
    for (long done = 0; done < depth || done == 0; done += chain) {
      const long count = depth - done < chain ? depth - done : chain;
      for (long k = 0; k < count; ++k)
        for (int v = 0; v < vectors; v += 2) {
          VF first, second;
          expand(packed + (done + k) * panel + begin + v * W, first, second);
          store(wide + (k * vectors + v) * W, first);
          if (v + 1 < vectors) store(wide + (k * vectors + v + 1) * W, second);
        }
      panel_rows<float>(a + done, row_stride, 1, wide, count, rows, c + begin, c_stride, now, from);
      from = Start<float>{nullptr, c + begin, c_stride};
    }
  }
}

constexpr long few = 4;  // rows for which expanding a panel to memory costs more than it brings

void product_bfloat16(const float* a, long row_stride, const uint16_t* packed, long depth, long width, long rows,
                      float* c, long c_stride, const float* bias, const float* addend, long addend_stride) {
  long now;
  for (long n = 0; n < width; n += now) {
    now = rows < few && width - n > panel ? 2 * panel : panel;
    const int columns = static_cast<int>(width - n < now ? width - n : now);
    const uint16_t* here = packed + n * depth;
    const auto start = [&](long r) {
      return Start<float>{bias ? bias + n : nullptr, addend ? addend + r * addend_stride + n : nullptr, addend_stride};
    };
    if (rows >= few) {
      many_halves(a, row_stride, here, depth, rows, c + n, c_stride, columns, start(0));
      continue;
    }
    for (long r = 0; r < rows; ++r) {
      if (now == panel)
        halves<1>(a + r * row_stride, here, depth, c + r * c_stride + n, columns, start(r));
      else
        halves<2>(a + r * row_stride, here, depth, c + r * c_stride + n, columns, start(r));
    }
  }
}

// int8: a column's bytes of two rows of the matrix side by side; the last row may be a pair with zeros.

constexpr long most_numbers = 8192;  // of all rows that are rounded at a time
constexpr long most_depth = 4096;    // of one row
constexpr long exact = 512;          // 512 * 127 * 32767 < 2^31

struct Rounded {
  const int16_t* numbers;
  long stride;
  const float* scales;
};

// R rows against a panel. The sums are whole numbers: they don't depend on their order.
template <int R>
void bytes(Rounded a, const int8_t* packed, const float* scales, long depth, float* c, long c_stride, int columns,
           Start<float> start) {
  VF sums[R][V] = {};
  for (long done = 0; done < depth; done += exact) {
    const long end = depth - done < exact ? depth : done + exact;
    Whole part[R][V] = {};
    for (long k = done; k < end; k += 2) {
      Short x[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) x[r] = pair(a.numbers + r * a.stride + k);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const Short w = widened(packed + k * panel + v * 2 * W);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) part[r][v] += dot_pairs(w, x[r]);
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sums[r][v] += __builtin_convertvector(part[r][v], VF);
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) {
      const int column = v * W, now = columns - column;
      VF first{};
      if (start.addend) first += read(start.addend + r * start.addend_stride + column, now);
      if (start.bias) first += read(start.bias + column, now);
      const VF sum = multiply_add(sums[r][v], load(scales + column) * a.scales[r], first);
      write(c + r * c_stride + column, sum, now);
    }
}

long even(long n) { return n + n % 2; }

// Rows that fit into the room for rounded ones, against the depth that does.
void some_bytes(const float* a, long row_stride, const int8_t* packed, long packed_depth, const float* scales,
                long depth, long width, long rows, float* c, long c_stride, Start<float> start) {
  alignas(64) int16_t numbers[most_numbers];
  float row_scales[most_numbers / 2];
  const long stride = even(depth);
  for (long r = 0; r < rows; ++r) row_scales[r] = to_shorts(a + r * row_stride, depth, numbers + r * stride);
  for (long n = 0; n < width; n += panel) {
    const int columns = static_cast<int>(width - n < panel ? width - n : panel);
    const int8_t* here = packed + n * packed_depth;
    for (long r = 0; r < rows;) {
      const Rounded left{numbers + r * stride, stride, row_scales + r};
      const Start<float> from{start.bias ? start.bias + n : nullptr,
                              start.addend ? start.addend + r * start.addend_stride + n : nullptr,
                              start.addend_stride};
      float* to = c + r * c_stride + n;
      if (rows - r >= 2) {
        bytes<2>(left, here, scales + n, depth, to, c_stride, columns, from);
        r += 2;
      } else {
        bytes<1>(left, here, scales + n, depth, to, c_stride, columns, from);
        r += 1;
      }
    }
  }
}

void product_int8(const float* a, long row_stride, const int8_t* packed, const float* scales, long depth, long width,
                  long rows, float* c, long c_stride, const float* bias, const float* addend, long addend_stride) {
  Start<float> start{bias, addend, addend_stride};
  for (long done = 0; done < depth || done == 0; done += most_depth) {
    const long deep = depth - done < most_depth ? depth - done : most_depth;
    const long at_once = deep > 1 ? most_numbers / even(deep) : most_numbers / 2;
    for (long r = 0; r < rows; r += at_once) {
      const Start<float> from{start.bias, start.addend ? start.addend + r * start.addend_stride : nullptr,
                              start.addend_stride};
      some_bytes(a + r * row_stride + done, row_stride, packed + done * panel, even(depth), scales, deep, width,
                 rows - r < at_once ? rows - r : at_once, c + r * c_stride, c_stride, from);
    }
    start = Start<float>{nullptr, c, c_stride};
  }
}

long packed_size(long depth, long width) { return even(depth) * ((width + panel - 1) / panel) * panel; }

// NaN and infinity stay what they are.
uint16_t rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

void pack_bfloat16(const float* w, long depth_stride, long width_stride, long depth, long width, uint16_t* packed) {
  for (long n = 0; n < width; n += panel)
    for (long k = 0; k < depth; ++k)
      for (int j = 0; j < panel; ++j) {
        const long column = n + j;
        const int v = j / W, lane = j % W;
        packed[n * depth + k * panel + v / 2 * 2 * W + 2 * lane + v % 2] =
            column < width ? rounded(w[k * depth_stride + column * width_stride]) : 0;
      }
}

void pack_int8(const float* w, long depth_stride, long width_stride, long depth, long width, int8_t* packed,
               float* scales) {
  for (long n = 0; n < width; n += panel)
    for (int j = 0; j < panel; ++j) {
      const long column = n + j;
      float largest = 0;
      for (long k = 0; k < depth && column < width; ++k) {
        const float size = __builtin_fabsf(w[k * depth_stride + column * width_stride]);
        if (size > largest || size != size) largest = size;  // NaN stays, and makes every product NaN
      }
      const float scale = largest / 127.0f;
      scales[column] = scale;
      for (long k = 0; k < even(depth); ++k) {
        const bool there = scale > 0 && scale < __builtin_inff() && k < depth;
        const float near = there ? __builtin_rintf(w[k * depth_stride + column * width_stride] / scale) : 0.0f;
        packed[n * even(depth) + (k - k % 2) * panel + 2 * j + k % 2] =
            static_cast<int8_t>(near > 127 ? 127 : near < -127 ? -127 : near);
      }
    }
}

}  // namespace

extern constexpr QuantisedKernels quantised_kernels{packed_size, pack_bfloat16, pack_int8, product_bfloat16, product_int8, panel};

}  // namespace RECURRA_LEVEL
}  // namespace recurra
