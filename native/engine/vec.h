// One vector register of the level being compiled, through the compiler's generic vectors.
// Everything here is `static inline`: a level source must leave no shared symbol behind.
#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define RECURRA_INLINE static inline __attribute__((always_inline))

namespace recurra {
namespace RECURRA_LEVEL {

template <class T>
struct Vector;

template <>
struct Vector<float> {
  typedef float type __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  typedef float loose __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t mask __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  typedef uint32_t bits __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  static constexpr int width = RECURRA_VECTOR_BYTES / 4;
};

template <>
struct Vector<double> {
  typedef double type __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  typedef double loose __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t mask __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  static constexpr int width = RECURRA_VECTOR_BYTES / 8;
};

template <class T>
using Vec = typename Vector<T>::type;
template <class T>
using Mask = typename Vector<T>::mask;

template <class T>
RECURRA_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename Vector<T>::loose*>(p);
}

template <class T>
RECURRA_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename Vector<T>::loose*>(p) = v;
}

template <class T>
RECURRA_INLINE Vec<T> splat(T x) {
  return x - Vec<T>{};
}

// x * y + sum, rounded once where the level has an instruction for it, else twice. Written as an
// expression it is the compiler's choice, and GCC from 13 on chooses by what stands around it: it takes apart a sum
// that has a loop to itself, so that a row alone would round otherwise than a row among others.
#if defined(__AVX512F__)
RECURRA_INLINE Vec<float> multiply_add(Vec<float> x, Vec<float> y, Vec<float> sum) {
  return reinterpret_cast<Vec<float>>(_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)sum));
}
RECURRA_INLINE Vec<double> multiply_add(Vec<double> x, Vec<double> y, Vec<double> sum) {
  return reinterpret_cast<Vec<double>>(_mm512_fmadd_pd((__m512d)x, (__m512d)y, (__m512d)sum));
}
#elif defined(__FMA__)
RECURRA_INLINE Vec<float> multiply_add(Vec<float> x, Vec<float> y, Vec<float> sum) {
  return reinterpret_cast<Vec<float>>(_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)sum));
}
RECURRA_INLINE Vec<double> multiply_add(Vec<double> x, Vec<double> y, Vec<double> sum) {
  return reinterpret_cast<Vec<double>>(_mm256_fmadd_pd((__m256d)x, (__m256d)y, (__m256d)sum));
}
#elif defined(__aarch64__)
RECURRA_INLINE Vec<float> multiply_add(Vec<float> x, Vec<float> y, Vec<float> sum) {
  return reinterpret_cast<Vec<float>>(vfmaq_f32((float32x4_t)sum, (float32x4_t)x, (float32x4_t)y));
}
RECURRA_INLINE Vec<double> multiply_add(Vec<double> x, Vec<double> y, Vec<double> sum) {
  return reinterpret_cast<Vec<double>>(vfmaq_f64((float64x2_t)sum, (float64x2_t)x, (float64x2_t)y));
}
#else
template <class V>
RECURRA_INLINE V multiply_add(V x, V y, V sum) {
  return x * y + sum;
}
#endif

// The first n lanes, 0 < n < width; the other lanes read as zero and are never touched in memory.
template <class T>
RECURRA_INLINE Vec<T> load_some(const T* p, int n) {
  T lanes[Vector<T>::width] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}

template <class T>
RECURRA_INLINE void store_some(T* p, Vec<T> v, int n) {
  T lanes[Vector<T>::width];
  store(lanes, v);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

#if defined(__AVX512F__)
// Overloads, preferred to the templates above.
RECURRA_INLINE Vec<float> load_some(const float* p, int n) {
  return reinterpret_cast<Vec<float>>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p));
}
RECURRA_INLINE void store_some(float* p, Vec<float> v, int n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), reinterpret_cast<__m512>(v));
}
#endif

}  // namespace RECURRA_LEVEL
}  // namespace recurra
