// Compiled once per instruction level: see native/levels.cmake.
//
// A panel holds 4 vectors of columns for every row of the matrix, one row after the other; the last
// panel is filled up with zeros. bfloat16: two vectors share one of 32-bit lanes, the first in the
// lower halves. int8: bytes in the order of the columns.
#include "narrow.h"

#include "vec.h"

namespace recurra {
namespace RECURRA_LEVEL {
namespace {

using VF = Vec<float>;
constexpr int W = Vector<float>::width;
constexpr int V = 4;
constexpr int panel = V * W;
#if RECURRA_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int most_rows = 4;  // 32 registers
#else
constexpr int most_rows = 2;
#endif

typedef uint32_t Word __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
typedef uint32_t LooseWord __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(2), may_alias));
typedef int32_t Whole __attribute__((vector_size(RECURRA_VECTOR_BYTES)));

struct Halves {
  using Number = uint16_t;
  static constexpr bool scaled = false;
  RECURRA_INLINE void expand(const uint16_t* p, VF (&w)[V]) {
#pragma GCC unroll 4
    for (int v = 0; v < V; v += 2) {
      const Word both = *reinterpret_cast<const LooseWord*>(p + v * W);
      w[v] = reinterpret_cast<VF>(both << 16);
      w[v + 1] = reinterpret_cast<VF>(both & 0xffff0000u);
    }
  }
};

struct Bytes {
  using Number = int8_t;
  static constexpr bool scaled = true;
  RECURRA_INLINE void expand(const int8_t* p, VF (&w)[V]) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
#if defined(__AVX512F__)
      w[v] = reinterpret_cast<VF>(_mm512_maskz_cvtepi32_ps(
          0xffff, _mm512_maskz_cvtepi8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + v * W)))));
#else
      Whole lanes;
      for (int j = 0; j < W; ++j) lanes[j] = p[v * W + j];
      w[v] = __builtin_convertvector(lanes, VF);
#endif
    }
  }
};

// Chains of 256 multiply-adds, as in product.h: the error of a sum grows with its length.
constexpr long chain = 256;

template <class Kind, int R>
void block(const float* a, long row_stride, const typename Kind::Number* packed, const float* scales, long depth,
           float* c, long c_stride, int columns, const float* bias, const float* addend, long addend_stride) {
  VF sums[R][V] = {};
  for (long done = 0; done < depth; done += chain) {
    const long end = depth - done < chain ? depth : done + chain;
    VF part[R][V] = {};
    for (long k = done; k < end; ++k) {
      VF w[V];
      Kind::expand(packed + k * panel, w);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const VF x = splat(a[r * row_stride + k]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) part[r][v] += x * w[v];
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sums[r][v] += part[r][v];
  }
  for (int v = 0; v * W < columns; ++v) {
    const int now = columns - v * W < W ? columns - v * W : W;
    const bool whole = now == W;
    VF shared{};
    if (bias) shared = whole ? load(bias + v * W) : load_some(bias + v * W, now);
    for (int r = 0; r < R; ++r) {
      VF start = shared;
      if (addend) {
        const float* from = addend + r * addend_stride + v * W;
        start += whole ? load(from) : load_some(from, now);
      }
      // one expression: the compiler joins product and sum alike for every number of rows
      VF sum;
      if constexpr (Kind::scaled)
        sum = sums[r][v] * load(scales + v * W) + start;
      else
        sum = sums[r][v] + start;
      if (whole)
        store(c + r * c_stride + v * W, sum);
      else
        store_some(c + r * c_stride + v * W, sum, now);
    }
  }
}

template <class Kind>
void product(const float* a, long row_stride, const typename Kind::Number* packed, const float* scales, long depth,
             long width, long rows, float* c, long c_stride, const float* bias, const float* addend,
             long addend_stride) {
  for (long n = 0; n < width; n += panel) {
    const int columns = static_cast<int>(width - n < panel ? width - n : panel);
    for (long r = 0; r < rows;) {
      const auto now = [&](auto run, int count) {
        run(a + r * row_stride, row_stride, packed + n * depth, scales + (Kind::scaled ? n : 0), depth,
            c + r * c_stride + n, c_stride, columns, bias ? bias + n : nullptr,
            addend ? addend + r * addend_stride + n : nullptr, addend_stride);
        r += count;
      };
      if (most_rows == 4 && rows - r >= 4)
        now(block<Kind, most_rows>, 4);
      else if (rows - r >= 2)
        now(block<Kind, 2>, 2);
      else
        now(block<Kind, 1>, 1);
    }
  }
}

void product_bfloat16(const float* a, long row_stride, const uint16_t* packed, long depth, long width, long rows,
                      float* c, long c_stride, const float* bias, const float* addend, long addend_stride) {
  product<Halves>(a, row_stride, packed, nullptr, depth, width, rows, c, c_stride, bias, addend, addend_stride);
}

void product_int8(const float* a, long row_stride, const int8_t* packed, const float* scales, long depth, long width,
                  long rows, float* c, long c_stride, const float* bias, const float* addend, long addend_stride) {
  product<Bytes>(a, row_stride, packed, scales, depth, width, rows, c, c_stride, bias, addend, addend_stride);
}

long packed_size(long depth, long width) { return depth * ((width + panel - 1) / panel) * panel; }

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
        if (size > largest) largest = size;
      }
      const float scale = largest / 127.0f;
      scales[column] = scale;
      for (long k = 0; k < depth; ++k) {
        const float x = scale > 0 ? w[k * depth_stride + column * width_stride] / scale : 0.0f;
        const float near = __builtin_rintf(x);
        packed[n * depth + k * panel + j] = static_cast<int8_t>(near > 127 ? 127 : near < -127 ? -127 : near);
      }
    }
}

}  // namespace

extern constexpr Narrow narrow{packed_size, pack_bfloat16, pack_int8, product_bfloat16, product_int8, panel};

}  // namespace RECURRA_LEVEL
}  // namespace recurra
