// One vector register of the level being compiled, through the compiler's generic vectors.
// Everything here is `static inline`: a level source must leave no shared symbol behind.
#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
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
