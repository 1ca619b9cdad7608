// Integer products of one level: pairs of 16-bit numbers with pairs of bytes, 32-bit sums.
#pragma once
#include "vec.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace recurra {
namespace RECURRA_LEVEL {

typedef int32_t Whole __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
typedef int16_t Short __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
typedef int16_t HalfShort __attribute__((vector_size(RECURRA_VECTOR_BYTES / 2)));
typedef int8_t HalfByte __attribute__((vector_size(RECURRA_VECTOR_BYTES / 2), aligned(1), may_alias));

// As many bytes as a register has 16-bit lanes.
RECURRA_INLINE Short widened(const int8_t* p) {
#if defined(__AVX512BW__)
  return reinterpret_cast<Short>(
      _mm512_maskz_cvtepi8_epi16(0xffffffffu, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<Short>(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  return __builtin_convertvector(*reinterpret_cast<const HalfByte*>(p), Short);
#endif
}

// The same pair in every 32-bit lane.
RECURRA_INLINE Short pair(const int16_t* p) {
  int32_t both;
  memcpy(&both, p, sizeof both);
  return reinterpret_cast<Short>(Whole{} + both);
}

// Lane by lane a0 * b0 + a1 * b1; the sum fits unless all four are -2^15.
RECURRA_INLINE Whole dot_pairs(Short a, Short b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<Whole>(
      _mm512_maskz_madd_epi16(0xffff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Whole>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Whole>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  const Whole x = reinterpret_cast<Whole>(a), y = reinterpret_cast<Whole>(b);
  return ((x << 16) >> 16) * ((y << 16) >> 16) + (x >> 16) * (y >> 16);
#endif
}

// The largest size in x [n], and NaN if there is a NaN or an infinity.
RECURRA_INLINE float largest_finite(const float* x, long n) {
  constexpr int W = Vector<float>::width;
  Vec<float> most{}, odd{};
  long i = 0;
  for (; i + W <= n; i += W) {
    const Vec<float> a = load(x + i), size = a < 0.0f ? -a : a;
    most = size > most ? size : most;
    odd += a - a;  // NaN from either
  }
  float largest = 0, wrong = 0;
  for (int j = 0; j < W; ++j) {
    largest = most[j] > largest ? most[j] : largest;
    wrong += odd[j];
  }
  for (; i < n; ++i) {
    const float size = __builtin_fabsf(x[i]);
    largest = size > largest ? size : largest;
    wrong += x[i] - x[i];
  }
  return largest + wrong;
}

// x [n] as whole numbers up to 32767, and the scale that gives them back; `to` is filled up to an even count.
// A scale of NaN if a number is not finite; numbers below 1e-34 vanish.
RECURRA_INLINE float to_shorts(const float* x, long n, int16_t* to) {
  constexpr int W = Vector<float>::width;
  const float largest = largest_finite(x, n);
  if (n % 2) to[n] = 0;
  if (!(largest > 1e-34f)) {
    for (long i = 0; i < n; ++i) to[i] = 0;
    return largest == largest ? 0.0f : largest;
  }
  const float inverse = 32767.0f / largest;
  const Vec<float> shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  long i = 0;
  for (; i + W <= n; i += W) {
    const Whole lanes = reinterpret_cast<Whole>(load(x + i) * inverse + shift) - reinterpret_cast<Whole>(shift);
    const HalfShort packed = __builtin_convertvector(lanes, HalfShort);
    memcpy(to + i, &packed, sizeof packed);
  }
  for (; i < n; ++i) to[i] = static_cast<int16_t>(__builtin_rintf(x[i] * inverse));
  return largest / 32767.0f;
}

}  // namespace RECURRA_LEVEL
}  // namespace recurra
