// Elementary functions of a vector register: float32 by polynomials (within 2 or 3 units in the
// last place, with infinities, NaN and overflow as the C library has them), float64 by the C library.
#pragma once
#include <math.h>

#include "vec.h"

namespace recurra {
namespace RECURRA_LEVEL {

using VF = Vec<float>;
using VD = Vec<double>;
using MF = Mask<float>;
using Bits = Vector<float>::bits;  // unsigned: sums of any bits are defined

RECURRA_INLINE Bits bits_of(VF x) { return reinterpret_cast<Bits>(x); }
RECURRA_INLINE VF of_bits(Bits x) { return reinterpret_cast<VF>(x); }
// 2^k, -127 < k < 128
RECURRA_INLINE VF power_of_two(MF k) { return of_bits(reinterpret_cast<Bits>(k + 127) << 23); }

// NaN in `x` stays: a comparison with NaN is false.
RECURRA_INLINE VF at_most(VF x, float limit) { return x > limit ? splat(limit) : x; }
RECURRA_INLINE VF at_least(VF x, float limit) { return x < limit ? splat(limit) : x; }

// x = n ln 2 + r, |r| <= ln 2 / 2; n as a whole number in `n` and as an integer in `k`.
struct Reduced {
  VF r, n;
  MF k;
};

RECURRA_INLINE Reduced reduce(VF x) {
  const VF shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const VF t = x * 1.44269504088896341f + shift;
  Reduced out;
  out.k = reinterpret_cast<MF>(bits_of(t) - bits_of(shift));
  out.n = t - shift;
  out.r = x - out.n * 0.693359375f;  // ln 2 in two parts, the first exact in few bits
  out.r = out.r - out.n * -2.12194440e-4f;
  return out;
}

// exp(r) - 1 for a reduced r
RECURRA_INLINE VF expm1_core(VF r) {
  VF q = splat(1.394644805e-03f);
  q = q * r + 8.366584095e-03f;
  q = q * r + 4.166628205e-02f;
  q = q * r + 1.666654299e-01f;
  q = q * r + 5.000000062e-01f;
  return (r * r) * q + r;
}

// x * 2^k, correct down to subnormal results and up to infinity, |k| < 250
RECURRA_INLINE VF scale(VF x, Reduced d) {
#if defined(__AVX512F__)
  return reinterpret_cast<VF>(
      _mm512_maskz_scalef_ps(0xffff, reinterpret_cast<__m512>(x), reinterpret_cast<__m512>(d.n)));
#else
  const MF half = d.k >> 1;
  const MF rest = d.k - half;
  return x * power_of_two(half) * power_of_two(rest);
#endif
}

RECURRA_INLINE VF v_exp(VF x) {
  const Reduced d = reduce(at_least(at_most(x, 89.0f), -104.5f));
  return scale(expm1_core(d.r) + 1.0f, d);
}

RECURRA_INLINE VF v_expm1(VF x) {
  const Reduced d = reduce(at_least(at_most(x, 89.0f), -20.0f));
  const VF p = expm1_core(d.r);
  // 2^n p + (2^n - 1), in halves so that 2^n itself stays finite up to n = 128
  const VF half = power_of_two(d.k - 1);
  const VF body = (half * p + (half - 0.5f)) * 2.0f;
  // of x's sign, that of zero too
  return of_bits(bits_of(d.k == 0 ? p : body) | (bits_of(x) & 0x80000000u));
}

RECURRA_INLINE VF v_sigmoid(VF x) { return 1.0f / (1.0f + v_exp(-x)); }

RECURRA_INLINE VF v_tanh(VF x) {
  const Bits sign = bits_of(x) & 0x80000000u;
  const VF size = of_bits(bits_of(x) ^ sign);
  const Reduced d = reduce(at_most(size + size, 40.0f));
  const VF p = expm1_core(d.r);
  const VF power = power_of_two(d.k);
  const VF e = power * p + (power - 1.0f);
  return of_bits(bits_of(e / (e + 2.0f)) | sign);
}

RECURRA_INLINE VF v_log(VF x) {
  // Subnormals are scaled up first.
  const MF tiny = x < 1.17549435e-38f;
  const VF y = tiny ? x * 8388608.0f : x;
  MF k = reinterpret_cast<MF>(bits_of(y) - 0x3f3504f3u) >> 23;  // mantissa taken from [sqrt(1/2), sqrt(2))
  const VF f = of_bits(bits_of(y) - (reinterpret_cast<Bits>(k) << 23)) - 1.0f;
  k = tiny ? k - 23 : k;
  const VF n = __builtin_convertvector(k, VF);
  VF q = splat(-7.634429837e-02f);
  q = q * f + 1.276155034e-01f;
  q = q * f + -1.316019507e-01f;
  q = q * f + 1.420176247e-01f;
  q = q * f + -1.662335648e-01f;
  q = q * f + 2.000122667e-01f;
  q = q * f + -2.500082106e-01f;
  q = q * f + 3.333333171e-01f;
  const VF square = f * f;
  VF r = square * f * q + n * -2.12194440e-4f;
  r = r - 0.5f * square;
  r = (r + f) + n * 0.693359375f;
  const VF infinity = splat(__builtin_inff());
  r = x == infinity ? infinity : r;
  r = x == 0.0f ? -infinity : r;
  r = x < 0.0f ? splat(__builtin_nanf("")) : r;
  return x != x ? x : r;
}

// Kahan: what rounding 1 + x lost is put back by the quotient.
RECURRA_INLINE VF v_log1p(VF x) {
  const VF u = x + 1.0f;
  const VF whole = v_log(u);
  const VF mended = whole * (x / (u - 1.0f));
  const VF some = u == 1.0f ? x : mended;
  return u == __builtin_inff() || u == 0.0f ? whole : some;
}

#define RECURRA_LANES(V, T, name, call)                          \
  RECURRA_INLINE V name(V x) {                                   \
    V y;                                                         \
    for (int i = 0; i < Vector<T>::width; ++i) y[i] = call(x[i]); \
    return y;                                                    \
  }
RECURRA_LANES(VF, float, v_sqrt, __builtin_sqrtf)
RECURRA_LANES(VF, float, v_sin, __builtin_sinf)
RECURRA_LANES(VF, float, v_cos, __builtin_cosf)
RECURRA_LANES(VF, float, v_erf, __builtin_erff)
RECURRA_LANES(VF, float, v_floor, __builtin_floorf)
RECURRA_LANES(VD, double, v_sqrt, __builtin_sqrt)
RECURRA_LANES(VD, double, v_sin, __builtin_sin)
RECURRA_LANES(VD, double, v_cos, __builtin_cos)
RECURRA_LANES(VD, double, v_erf, __builtin_erf)
RECURRA_LANES(VD, double, v_floor, __builtin_floor)
RECURRA_LANES(VD, double, v_exp, __builtin_exp)
RECURRA_LANES(VD, double, v_log, __builtin_log)
RECURRA_LANES(VD, double, v_expm1, __builtin_expm1)
RECURRA_LANES(VD, double, v_log1p, __builtin_log1p)
RECURRA_LANES(VD, double, v_tanh, __builtin_tanh)
#undef RECURRA_LANES

RECURRA_INLINE VD v_sigmoid(VD x) { return 1.0 / (1.0 + v_exp(-x)); }

RECURRA_INLINE VF v_pow(VF x, VF y) {
  VF z;
  for (int i = 0; i < Vector<float>::width; ++i) z[i] = __builtin_powf(x[i], y[i]);
  return z;
}
RECURRA_INLINE VD v_pow(VD x, VD y) {
  VD z;
  for (int i = 0; i < Vector<double>::width; ++i) z[i] = __builtin_pow(x[i], y[i]);
  return z;
}

}  // namespace RECURRA_LEVEL
}  // namespace recurra
