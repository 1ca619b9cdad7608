// The instructions over tiles: pointwise, and along the width of a row.
#pragma once
#include "kernels.h"
#include "vmath.h"

namespace recurra {
namespace RECURRA_LEVEL {

template <class T, Op op>
RECURRA_INLINE Vec<T> compute(Vec<T> a, Vec<T> b, Vec<T> c) {
  using V = Vec<T>;
  const V one = splat(T(1)), zero = V{};
  if constexpr (op == Op::copy) return a;
  if constexpr (op == Op::neg) return -a;
  if constexpr (op == Op::sigmoid) return v_sigmoid(a);
  if constexpr (op == Op::tanh) return v_tanh(a);
  if constexpr (op == Op::relu) return a < zero ? zero : a;
  if constexpr (op == Op::exp) return v_exp(a);
  if constexpr (op == Op::log) return v_log(a);
  if constexpr (op == Op::log1p) return v_log1p(a);
  if constexpr (op == Op::expm1) return v_expm1(a);
  if constexpr (op == Op::sqrt) return v_sqrt(a);
  if constexpr (op == Op::rsqrt) return one / v_sqrt(a);
  if constexpr (op == Op::reciprocal) return one / a;
  if constexpr (op == Op::abs) return a < zero ? -a : a + zero;
  if constexpr (op == Op::sign) return a > zero ? one : (a < zero ? -one : zero);
  if constexpr (op == Op::sin) return v_sin(a);
  if constexpr (op == Op::cos) return v_cos(a);
  if constexpr (op == Op::erf) return v_erf(a);
  if constexpr (op == Op::floor) return v_floor(a);
  if constexpr (op == Op::logical_not) return a == zero ? one : zero;
  if constexpr (op == Op::add) return a + b;
  if constexpr (op == Op::sub) return a - b;
  if constexpr (op == Op::mul) return a * b;
  if constexpr (op == Op::div) return a / b;
  if constexpr (op == Op::maximum) return (a > b) | (a != a) ? a : b;
  if constexpr (op == Op::minimum) return (a < b) | (a != a) ? a : b;
  if constexpr (op == Op::gt) return a > b ? one : zero;
  if constexpr (op == Op::ge) return a >= b ? one : zero;
  if constexpr (op == Op::lt) return a < b ? one : zero;
  if constexpr (op == Op::le) return a <= b ? one : zero;
  if constexpr (op == Op::eq) return a == b ? one : zero;
  if constexpr (op == Op::ne) return a != b ? one : zero;
  if constexpr (op == Op::pow) return v_pow(a, b);
  if constexpr (op == Op::logical_and) return (a != zero) & (b != zero) ? one : zero;
  if constexpr (op == Op::logical_or) return (a != zero) | (b != zero) ? one : zero;
  if constexpr (op == Op::sigmoid_slope) return a * (b * (one - b));
  if constexpr (op == Op::tanh_slope) return a * (one - b * b);
  if constexpr (op == Op::where) return a != zero ? b : c;
  if constexpr (op == Op::muladd) return a * b + c;
}

template <class T, Op op, int operands, int mode>
static void pointwise(const Tile<T>& x) {
  using V = Vec<T>;
  constexpr int W = Vector<T>::width;
  const T *a = x.a, *b = x.b, *c = x.c;
  T* d = x.d;
  const long whole = x.width / W * W;
  const int tail = static_cast<int>(x.width - whole);
  for (long r = 0; r < x.rows; ++r) {
    V va{}, vb{}, vc{};
    if constexpr (mode & single_a) va = splat(*a);
    if constexpr (mode & single_b) vb = splat(*b);
    if constexpr (mode & single_c) vc = splat(*c);
    for (long i = 0; i < whole; i += W) {
      if constexpr (!(mode & single_a)) va = load(a + i);
      if constexpr (operands > 1 && !(mode & single_b)) vb = load(b + i);
      if constexpr (operands > 2 && !(mode & single_c)) vc = load(c + i);
      store(d + i, compute<T, op>(va, vb, vc));
    }
    if (tail) {
      if constexpr (!(mode & single_a)) va = load_some(a + whole, tail);
      if constexpr (operands > 1 && !(mode & single_b)) vb = load_some(b + whole, tail);
      if constexpr (operands > 2 && !(mode & single_c)) vc = load_some(c + whole, tail);
      store_some(d + whole, compute<T, op>(va, vb, vc), tail);
    }
    a += x.as;
    b += x.bs;
    c += x.cs;
    d += x.ds;
  }
}

// One row to one number. Four sums (or extremes) run side by side, joined in a fixed order.
template <class T, Op op>
RECURRA_INLINE Vec<T> join(Vec<T> a, Vec<T> b) {
  if constexpr (op == Op::sum) return a + b;
  if constexpr (op == Op::amax) return compute<T, Op::maximum>(a, b, a);
  if constexpr (op == Op::amin) return compute<T, Op::minimum>(a, b, a);
}

template <class T, Op op>
RECURRA_INLINE T along(const T* a, long width) {
  using V = Vec<T>;
  constexpr int W = Vector<T>::width;
  const T nothing = op == Op::sum ? T(0) : op == Op::amax ? -T(__builtin_inf()) : T(__builtin_inf());
  V lanes[4] = {splat(nothing), splat(nothing), splat(nothing), splat(nothing)};
  long i = 0;
  for (; i + 4 * W <= width; i += 4 * W)
    for (int u = 0; u < 4; ++u) lanes[u] = join<T, op>(lanes[u], load(a + i + u * W));
  for (; i + W <= width; i += W) lanes[0] = join<T, op>(lanes[0], load(a + i));
  const V all = join<T, op>(join<T, op>(lanes[0], lanes[1]), join<T, op>(lanes[2], lanes[3]));
  T folded[W];
  store(folded, all);
  for (int step = W / 2; step > 0; step /= 2)
    for (int j = 0; j < step; ++j) folded[j] = join<T, op>(splat(folded[j]), splat(folded[j + step]))[0];
  for (; i < width; ++i) folded[0] = join<T, op>(splat(folded[0]), splat(a[i]))[0];
  return folded[0];
}

template <class T, Op op>
static void rowwise(const Tile<T>& x) {
  for (long r = 0; r < x.rows; ++r) x.d[r * x.ds] = along<T, op>(x.a + r * x.as, x.width);
}

// Squares are summed in double: those of a gradient that vanishes are below what a float holds.
template <class T>
static void norm(const Tile<T>& x) {
  constexpr long lanes = 8;
  for (long r = 0; r < x.rows; ++r) {
    const T* a = x.a + r * x.as;
    double sums[lanes] = {};
    long i = 0;
    for (; i + lanes <= x.width; i += lanes)
      for (long u = 0; u < lanes; ++u) sums[u] += static_cast<double>(a[i + u]) * static_cast<double>(a[i + u]);
    for (long u = 0; i < x.width; ++i, ++u) sums[u] += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    double all = 0;
    for (const double sum : sums) all += sum;
    x.d[r * x.ds] = static_cast<T>(__builtin_sqrt(all));
  }
}

// d [width] += each row of a, one after the other
template <class T>
static void total(const Tile<T>& x) {
  constexpr int W = Vector<T>::width;
  long i = 0;
  for (; i + W <= x.width; i += W) {
    Vec<T> sum = load(x.d + i);
    for (long r = 0; r < x.rows; ++r) sum += load(x.a + r * x.as + i);
    store(x.d + i, sum);
  }
  for (; i < x.width; ++i) {
    T sum = x.d[i];
    for (long r = 0; r < x.rows; ++r) sum += x.a[r * x.as + i];
    x.d[i] = sum;
  }
}

// The sum of a register's numbers, halves added to halves.
template <class T>
RECURRA_INLINE T added_up(Vec<T> v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return _mm512_reduce_add_ps(reinterpret_cast<__m512>(v));
#endif
  constexpr int W = Vector<T>::width;
  T folded[W];
  store(folded, v);
  for (int step = W / 2; step > 0; step /= 2)
    for (int j = 0; j < step; ++j) folded[j] += folded[j + step];
  return folded[0];
}

#if defined(__AVX512F__)
// The sums of 16 registers' numbers, each in the order of `added_up`.
RECURRA_INLINE __m512 added_up_16(__m512* v) {
  for (int i = 0; i < 16; i += 2)
    v[i / 2] = _mm512_shuffle_f32x4(v[i], v[i + 1], 0xEE) + _mm512_shuffle_f32x4(v[i], v[i + 1], 0x44);
  for (int i = 0; i < 8; i += 2)
    v[i / 2] = _mm512_shuffle_f32x4(v[i], v[i + 1], 0xDD) + _mm512_shuffle_f32x4(v[i], v[i + 1], 0x88);
  for (int i = 0; i < 4; i += 2)
    v[i / 2] = _mm512_shuffle_ps(v[i], v[i + 1], 0xEE) + _mm512_shuffle_ps(v[i], v[i + 1], 0x44);
  const __m512 sums = _mm512_shuffle_ps(v[0], v[1], 0xDD) + _mm512_shuffle_ps(v[0], v[1], 0x88);
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  return _mm512_permutexvar_ps(order, sums);
}
#endif

// d [rows] = sums of a * b along each row
template <class T>
static void dot(const Tile<T>& x) {
  constexpr int W = Vector<T>::width;
  const long whole = x.width / W * W;
  const int tail = static_cast<int>(x.width - whole);
  const T *a = x.a, *b = x.b;
  const auto products = [&] {
    Vec<T> sum{};
    for (long i = 0; i < whole; i += W) sum = multiply_add(load(a + i), load(b + i), sum);
    if (tail) sum = multiply_add(load_some(a + whole, tail), load_some(b + whole, tail), sum);
    a += x.as;
    b += x.bs;
    return sum;
  };
  long r = 0;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    if (x.ds == 1)
      for (; r + 16 <= x.rows; r += 16) {
        __m512 sums[16];
        for (int k = 0; k < 16; ++k) sums[k] = reinterpret_cast<__m512>(products());
        _mm512_storeu_ps(x.d + r, added_up_16(sums));
      }
#endif
  for (; r < x.rows; ++r) x.d[r * x.ds] = added_up<T>(products());
}

// d [width] = sum of rows of a * b. Four sums run side by side, so that none waits for the one before it.
template <class T, int mode>
static void weigh(const Tile<T>& x) {
  constexpr int W = Vector<T>::width;
  for (long i = 0; i < x.width; i += W) {
    const int n = static_cast<int>(x.width - i < W ? x.width - i : W);
    const T *a = x.a + (mode & single_a ? 0 : i), *b = x.b + (mode & single_b ? 0 : i);
    Vec<T> sums[4] = {};
    const auto add = [&](Vec<T>& sum) {
      Vec<T> va, vb;
      if constexpr (mode & single_a) va = splat(*a);
      else va = n == W ? load(a) : load_some(a, n);
      if constexpr (mode & single_b) vb = splat(*b);
      else vb = n == W ? load(b) : load_some(b, n);
      sum = multiply_add(va, vb, sum);
      a += x.as;
      b += x.bs;
    };
    long r = 0;
    for (; r + 4 <= x.rows; r += 4)
      for (int u = 0; u < 4; ++u) add(sums[u]);
    for (; r < x.rows; ++r) add(sums[0]);
    const Vec<T> sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    if (n == W) store(x.d + i, sum);
    else store_some(x.d + i, sum, n);
  }
}

// [outer, block] -> [outer, count, block]
template <class T>
static void repeat(const Tile<T>& x) {
  constexpr int W = Vector<T>::width;
  const long outer = x.width / (x.count * x.block);
  for (long r = 0; r < x.rows; ++r) {
    const T* a = x.a + r * x.as;
    T* d = x.d + r * x.ds;
    for (long o = 0; o < outer; ++o, a += x.block) {
      if (x.block == 1) {
        const Vec<T> v = splat(*a);
        long i = 0;
        for (; i + W <= x.count; i += W) store(d + i, v);
        for (; i < x.count; ++i) d[i] = *a;
        d += x.count;
        continue;
      }
      for (long k = 0; k < x.count; ++k, d += x.block)
        for (long i = 0; i < x.block; ++i) d[i] = a[i];
    }
  }
}

// [outer, count, block] -> [outer, block]
template <class T, Op op>
static void join_parts(const Tile<T>& x) {
  constexpr int W = Vector<T>::width;
  const long part = x.count * x.block, outer = x.width / part, whole = x.block / W * W;
  const int tail = static_cast<int>(x.block - whole);
  for (long r = 0; r < x.rows; ++r) {
    const T* a = x.a + r * x.as;
    T* d = x.d + r * x.ds;
    for (long o = 0; o < outer; ++o, a += part, d += x.block) {
      if (x.block == 1) {
        *d = along<T, op>(a, x.count);
        continue;
      }
      for (long i = 0; i < whole; i += W) {
        Vec<T> all = load(a + i);
        for (long k = 1; k < x.count; ++k) all = join<T, op>(all, load(a + k * x.block + i));
        store(d + i, all);
      }
      if (tail) {
        Vec<T> all = load_some(a + whole, tail);
        for (long k = 1; k < x.count; ++k) all = join<T, op>(all, load_some(a + k * x.block + whole, tail));
        store_some(d + whole, all, tail);
      }
    }
  }
}

// Columns are whole numbers held as T; whatever else they hold, no other memory is touched.
template <class T>
RECURRA_INLINE int column(T number, long width) {
  const T last = static_cast<T>(width - 1);
  return number > T(0) ? static_cast<int>(number < last ? number : last) : 0;
}

constexpr long columns_at_once = 64;  // made whole numbers once for all rows of a tile

template <class T>
static void gather(const Tile<T>& x) {
  int from[columns_at_once];
  for (long first = 0; first < x.width; first += columns_at_once) {
    const long left = x.width - first, n = left < columns_at_once ? left : columns_at_once;
    for (long i = 0; i < n; ++i) from[i] = column(x.b[first + i], x.block);
    for (long r = 0; r < x.rows; ++r) {
      const T* a = x.a + r * x.as;
      T* d = x.d + r * x.ds + first;
      for (long i = 0; i < n; ++i) d[i] = a[from[i]];
    }
  }
}

template <class T>
static void scatter_add(const Tile<T>& x) {
  for (long r = 0; r < x.rows; ++r)
    for (long i = 0; i < x.block; ++i) x.d[r * x.ds + i] = T(0);
  int to[columns_at_once];
  for (long first = 0; first < x.width; first += columns_at_once) {
    const long left = x.width - first, n = left < columns_at_once ? left : columns_at_once;
    for (long i = 0; i < n; ++i) to[i] = column(x.b[first + i], x.block);
    for (long r = 0; r < x.rows; ++r) {
      const T* a = x.a + r * x.as + first;
      T* d = x.d + r * x.ds;
      for (long i = 0; i < n; ++i) d[to[i]] += a[i];
    }
  }
}

template <class T, Op op, int operands>
static constexpr void enter(Kernels<T>& table) {
  Instruction<T>* row = table.instruction[static_cast<int>(op)];
  row[0] = pointwise<T, op, operands, 0>;
  if constexpr (operands > 1) {
    row[single_b] = pointwise<T, op, operands, single_b>;
    row[single_a] = pointwise<T, op, operands, single_a>;
  }
  if constexpr (operands > 2) {
    row[single_c] = pointwise<T, op, operands, single_c>;
    row[single_b | single_c] = pointwise<T, op, operands, single_b | single_c>;
    row[single_a] = nullptr;
  }
  if constexpr (op == Op::copy) row[single_a] = pointwise<T, op, operands, single_a>;
}

template <class T>
static constexpr void enter_all(Kernels<T>& table) {
#define R(name, operands) enter<T, Op::name, operands>(table);
  RECURRA_POINTWISE(R)
#undef R
  table.instruction[static_cast<int>(Op::sum)][0] = rowwise<T, Op::sum>;
  table.instruction[static_cast<int>(Op::amax)][0] = rowwise<T, Op::amax>;
  table.instruction[static_cast<int>(Op::amin)][0] = rowwise<T, Op::amin>;
  table.instruction[static_cast<int>(Op::norm)][0] = norm<T>;
  table.instruction[static_cast<int>(Op::total)][0] = total<T>;
  table.instruction[static_cast<int>(Op::dot)][0] = dot<T>;
  table.instruction[static_cast<int>(Op::weigh)][0] = weigh<T, 0>;
  table.instruction[static_cast<int>(Op::weigh)][single_a] = weigh<T, single_a>;
  table.instruction[static_cast<int>(Op::weigh)][single_b] = weigh<T, single_b>;
  table.instruction[static_cast<int>(Op::repeat)][0] = repeat<T>;
  table.instruction[static_cast<int>(Op::sum_parts)][0] = join_parts<T, Op::sum>;
  table.instruction[static_cast<int>(Op::amax_parts)][0] = join_parts<T, Op::amax>;
  table.instruction[static_cast<int>(Op::amin_parts)][0] = join_parts<T, Op::amin>;
  table.instruction[static_cast<int>(Op::gather)][0] = gather<T>;
  table.instruction[static_cast<int>(Op::scatter_add)][0] = scatter_add<T>;
}

}  // namespace RECURRA_LEVEL
}  // namespace recurra
