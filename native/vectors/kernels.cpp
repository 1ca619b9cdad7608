// Small matrix products over gathered rows. Skip-gram after Mikolov et al. (2013, arXiv 1310.4546); negatives
// shared by a batch after Ji et al. (2016, arXiv 1604.04661), here by the centres of several windows.
//
// A batch reads every row once, into padded scratch in the first-level cache; scores, gradients and updates are
// then dot products and sums of rows held in registers, and each row of the shared matrices is written once.
#include "kernels.h"

#include <cmath>

namespace recurra::RECURRA_LEVEL {

using namespace recurra::vectors;

namespace {

constexpr int W = RECURRA_VECTOR_BYTES / 4;
typedef float vec __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
typedef float loose __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
typedef uint32_t uvec __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
typedef int32_t iloose __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(4), may_alias));

inline vec load(const float* p) { return *reinterpret_cast<const loose*>(p); }
inline void store(float* p, vec v) { *reinterpret_cast<loose*>(p) = v; }
inline vec broadcast(float x) { return x - vec{}; }
inline int padded(int n) { return (n + kPad - 1) / kPad * kPad; }

// Lanes of a and b side by side, in groups of four: the even places of both, or the odd ones.
#if RECURRA_VECTOR_BYTES == 64
#define RECURRA_EVEN 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30
#define RECURRA_ODD 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31
#elif RECURRA_VECTOR_BYTES == 32
#define RECURRA_EVEN 0, 2, 8, 10, 4, 6, 12, 14
#define RECURRA_ODD 1, 3, 9, 11, 5, 7, 13, 15
#else
#define RECURRA_EVEN 0, 2, 4, 6
#define RECURRA_ODD 1, 3, 5, 7
#endif

typedef float four __attribute__((vector_size(16)));
typedef float loose_four __attribute__((vector_size(16), aligned(4), may_alias));

inline vec fold(vec a, vec b) {
  return __builtin_shufflevector(a, b, RECURRA_EVEN) + __builtin_shufflevector(a, b, RECURRA_ODD);
}

// The sums of the lanes of four vectors.
inline four sums(vec a, vec b, vec c, vec d) {
  const vec v = fold(fold(a, b), fold(c, d));
#if RECURRA_VECTOR_BYTES == 64
  return (__builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7)) +
         (__builtin_shufflevector(v, v, 8, 9, 10, 11) + __builtin_shufflevector(v, v, 12, 13, 14, 15));
#elif RECURRA_VECTOR_BYTES == 32
  return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
  return v;
#endif
}

// e^x for x in [-87, 87], relative error below 2e-7.
inline vec exponential(vec x) {
  const vec scaled = x * 1.44269504f;
  const vec magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const vec shifted = scaled + magic;
  const vec whole = shifted - magic;
  const vec f = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  vec p = f * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * f * f + f + 1.0f;
  const uvec power = ((uvec)shifted << 23) + (127u << 23);
  return p * (vec)power;
}

inline vec sigmoid(vec x) {
  const vec limit = broadcast(30.0f);
  x = x > limit ? limit : x;
  x = x < -limit ? -limit : x;
  return 1.0f / (1.0f + exponential(-x));
}

inline void copy(float* to, const float* from, int n) {
  int k = 0;
  for (; k + W <= n; k += W) store(to + k, load(from + k));
  for (; k < n; ++k) to[k] = from[k];
}

// out[r] = x . rows[r] for R rows of `stride` floats; R is 1, 2, 3, 4 or 8.
template <int R>
inline void dots_of(const float* x, const float* rows, int stride, float* out) {
  vec total[R < 4 ? 4 : R];
  for (vec& t : total) t = vec{};
  for (int k = 0; k < stride; k += W) {
    const vec xk = load(x + k);
    for (int r = 0; r < R; ++r) total[r] += xk * load(rows + r * stride + k);
  }
  for (int r = 0; r < R; r += 4) {
    const four s = sums(total[r], total[r + 1], total[r + 2], total[r + 3]);
    if (R >= 4) {
      *reinterpret_cast<loose_four*>(out + r) = s;
    } else {
      for (int k = 0; k < R; ++k) out[k] = s[k];
    }
  }
}

inline void dots(const float* x, const float* rows, int n, int stride, float* out) {
  int r = 0;
  for (; r + 8 <= n; r += 8) dots_of<8>(x, rows + r * stride, stride, out + r);
  for (; r + 4 <= n; r += 4) dots_of<4>(x, rows + r * stride, stride, out + r);
  switch (n - r) {
    case 1: dots_of<1>(x, rows + r * stride, stride, out + r); break;
    case 2: dots_of<2>(x, rows + r * stride, stride, out + r); break;
    case 3: dots_of<3>(x, rows + r * stride, stride, out + r); break;
    default: break;
  }
}

// A sum of scaled rows: coefficient k stands at scale[k * step].
struct Sum {
  const float* scale;
  int step;
  const float* rows;
  int n;
};

template <int V>
inline void sum_into(vec (&total)[V], int stride, int offset, const Sum& s) {
  const float* row = s.rows + offset;
  const float* scale = s.scale;
  for (int k = 0; k < s.n; ++k, row += stride, scale += s.step) {
    const vec c = broadcast(*scale);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) total[v] += c * load(row + v * W);
  }
}

// V vectors, the last of which may reach beyond to[left - 1] and is then written in part.
template <int V>
__attribute__((noinline)) void add_part(float* to, int left, int stride, int offset, const Sum& a, const Sum* b) {
  vec total[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) total[v] = vec{};
  sum_into<V>(total, stride, offset, a);
  if (b) sum_into<V>(total, stride, offset, *b);
#pragma GCC unroll 8
  for (int v = 0; v < V - 1; ++v) store(to + v * W, load(to + v * W) + total[v]);
  to += (V - 1) * W;
  left -= (V - 1) * W;
  if (left >= W) {
    store(to, load(to) + total[V - 1]);
    return;
  }
  float rest[W];
  store(rest, total[V - 1]);
  int k = 0;
  for (; k + 4 <= left; k += 4)
    *reinterpret_cast<loose_four*>(to + k) += *reinterpret_cast<const loose_four*>(rest + k);
  for (; k < left; ++k) to[k] += rest[k];
}

// to[0:n] += a (+ b), without touching what lies behind to[n - 1].
inline void add(float* to, int n, int stride, const Sum& a, const Sum* b = nullptr) {
  for (int offset = 0; offset < n; offset += 8 * W) {
    float* part = to + offset;
    const int left = n - offset;
    switch ((left + W - 1) / W) {
      case 1: add_part<1>(part, left, stride, offset, a, b); break;
      case 2: add_part<2>(part, left, stride, offset, a, b); break;
      case 3: add_part<3>(part, left, stride, offset, a, b); break;
      case 4: add_part<4>(part, left, stride, offset, a, b); break;
      case 5: add_part<5>(part, left, stride, offset, a, b); break;
      case 6: add_part<6>(part, left, stride, offset, a, b); break;
      case 7: add_part<7>(part, left, stride, offset, a, b); break;
      default: add_part<8>(part, left, stride, offset, a, b);
    }
  }
}

// Probabilities of positive pairs count with log p, of negative ones with log(1 - p), times their weight.
inline void add_loss(double* loss, float p, float label, float weight) {
  const float right = label > 0.5f ? p : 1.0f - p;
  loss[0] -= weight * std::log(right > 1e-12f ? right : 1e-12f);
}

// counts[k] = how many of `words` differ from negatives[k]: a negative never contradicts a pair of the same word.
inline void count_negatives(const int32_t* negatives, int n, const int32_t* words, int from, int to, int skip,
                            int32_t* counts) {
  for (int k = 0; k < n; k += W) {
    const ivec negative = *reinterpret_cast<const iloose*>(negatives + k);
    ivec count = (to - from - (from <= skip && skip < to)) - ivec{};
    for (int r = from; r < to; ++r) {
      if (r != skip) count += (negative == words[r]);
    }
    *reinterpret_cast<iloose*>(counts + k) = count;
  }
}

// gradient[k] = rate * weight * counts[k] * (0 - sigmoid(score[k]))
inline void negative_gradient(const float* score, const int32_t* counts, int n, float scale, float* gradient) {
  for (int k = 0; k < n; k += W) {
    const ivec count = *reinterpret_cast<const iloose*>(counts + k);
    store(gradient + k, sigmoid(load(score + k)) * __builtin_convertvector(count, vec) * -scale);
  }
}

inline void negative_loss(const Batch& b, const float* score, const int32_t* counts) {
  for (int k = 0; k < b.negative_count; ++k)
    add_loss(b.loss, 1.0f / (1.0f + std::exp(-score[k])), 0.0f, b.negative_weight * counts[k]);
}

inline void positive_loss(const Batch& b, float score) {
  add_loss(b.loss, 1.0f / (1.0f + std::exp(-score)), 1.0f, 1.0f);
  b.loss[1] += 1;
}

int64_t scratch_floats(int dimensions, int centres, int window, int negatives, int path) {
  const int64_t rows = 3 * centres + (centres + 2 * window) + negatives + 2 * window + path + 2;
  const int64_t band = int64_t(centres) * (2 * window + 1);
  const int64_t scores = padded(2 * window + 1) + 2 * padded(negatives) + 2 * padded(path);
  return rows * padded(dimensions) + 2 * padded(band) + int64_t(centres) * padded(negatives) +
         2 * window * int64_t(padded(path)) + 2 * scores + 8 * kPad;
}

// Hands out pieces of the scratch, each a multiple of 64 bytes.
struct Arena {
  float* next;
  float* take(int64_t floats) {
    float* piece = next;
    next += (floats + kPad - 1) / kPad * kPad;
    return piece;
  }
};

struct Span {
  int from, to;
};

inline Span span_of(const Batch& b) {
  const int end = b.first + b.centres;
  Span s{b.first, end};
  for (int c = b.first; c < end; ++c) {
    if (b.low[c] < s.from) s.from = b.low[c];
    if (b.high[c] > s.to) s.to = b.high[c];
  }
  return s;
}

inline void gather(const float* matrix, const int32_t* ids, int n, int d, float* to, int stride) {
  for (int r = 0; r < n; ++r) copy(to + r * stride, matrix + int64_t(ids[r]) * d, d);
}

// Input: the centre. Targets: the words of its window, and the shared negatives.
void skipgram_negative(const Shared& m, const Batch& b, Scratch scratch) {
  const int d = m.dimensions, stride = padded(d), w = b.window, wide = 2 * w + 1, n = b.negative_count, lanes = padded(n);
  const int end = b.first + b.centres;
  const Span span = span_of(b);
  Arena arena{scratch.base};
  float* x = arena.take(b.centres * stride);
  float* t = arena.take((span.to - span.from) * stride);
  float* z = arena.take(n * stride);
  float* band = arena.take(b.centres * wide);        // band[c][r - c + w]
  float* gradient = arena.take(b.centres * lanes);   // of the negatives, [c][k]
  float* score = arena.take(padded(wide));
  float* negative_score = arena.take(lanes);
  int32_t* counts = reinterpret_cast<int32_t*>(arena.take(lanes));
  gather(m.input, b.words + b.first, b.centres, d, x, stride);
  gather(m.output, b.words + span.from, span.to - span.from, d, t, stride);
  gather(m.output, b.negatives, n, d, z, stride);
  for (int k = 0; k < b.centres * wide; ++k) band[k] = 0;

  for (int c = b.first; c < end; ++c) {
    const int i = c - b.first, low = b.low[c], high = b.high[c];
    if (low >= high) {
      for (int k = 0; k < n; ++k) gradient[i * lanes + k] = 0;
      continue;
    }
    const float* xi = x + i * stride;
    dots(xi, t + (low - span.from) * stride, high - low, stride, score);
    dots(xi, z, n, stride, negative_score);
    count_negatives(b.negatives, n, b.words, low, high, c, counts);
    negative_gradient(negative_score, counts, n, b.rate * b.negative_weight, gradient + i * lanes);
    float* row = band + i * wide + (low - c + w);
    if (b.loss) {
      for (int r = low; r < high; ++r)
        if (r != c) positive_loss(b, score[r - low]);
      negative_loss(b, negative_score, counts);
    }
    float pulls[W];
    for (int k = 0; k < high - low; k += W) {
      store(pulls, (1.0f - sigmoid(load(score + k))) * b.rate);
      for (int v = 0; v < W && k + v < high - low; ++v) row[k + v] = pulls[v];
    }
    if (low <= c && c < high) row[c - low] = 0;
    const Sum pushes{gradient + i * lanes, 1, z, n};
    add(m.input + int64_t(b.words[c]) * d, d, stride, {row, 1, t + (low - span.from) * stride, high - low}, &pushes);
  }
  for (int r = span.from; r < span.to; ++r) {
    const int from = r - w > b.first ? r - w : b.first, to = r + w + 1 < end ? r + w + 1 : end;
    const int i = from - b.first;
    add(m.output + int64_t(b.words[r]) * d, d, stride,
        {band + i * wide + (r - from + w), wide - 1, x + i * stride, to - from});
  }
  for (int k = 0; k < n; ++k)
    add(m.output + int64_t(b.negatives[k]) * d, d, stride, {gradient + k, lanes, x, b.centres});
}

// Input: the mean of the window. Targets: the centre, and the shared negatives.
void cbow_negative(const Shared& m, const Batch& b, Scratch scratch) {
  const int d = m.dimensions, stride = padded(d), w = b.window, wide = 2 * w + 1, n = b.negative_count, lanes = padded(n);
  const int end = b.first + b.centres;
  const Span span = span_of(b);
  Arena arena{scratch.base};
  float* t = arena.take((span.to - span.from) * stride);
  float* x = arena.take(b.centres * stride);         // the means
  float* step = arena.take(b.centres * stride);      // what is added to every word of a window
  float* y = arena.take(stride);
  float* z = arena.take(n * stride);
  float* inside = arena.take(b.centres * wide);      // 1 where a position belongs to a window
  float* gradient = arena.take(b.centres * lanes);
  float* negative_score = arena.take(lanes);
  int32_t* counts = reinterpret_cast<int32_t*>(arena.take(lanes));
  gather(m.input, b.words + span.from, span.to - span.from, d, t, stride);
  gather(m.output, b.negatives, n, d, z, stride);
  for (int k = 0; k < b.centres * wide; ++k) inside[k] = 0;
  for (int k = 0; k < b.centres * stride; ++k) x[k] = step[k] = 0;

  for (int c = b.first; c < end; ++c) {
    const int i = c - b.first, low = b.low[c], high = b.high[c];
    if (high - low < 2) {
      for (int k = 0; k < n; ++k) gradient[i * lanes + k] = 0;
      continue;
    }
    float* row = inside + i * wide + (low - c + w);
    const float share = 1.0f / (high - low - 1);
    for (int r = low; r < high; ++r) row[r - low] = r == c ? 0.0f : share;
    float* xi = x + i * stride;
    add(xi, stride, stride, {row, 1, t + (low - span.from) * stride, high - low});
    for (int r = low; r < high; ++r) row[r - low] = r == c ? 0.0f : 1.0f;
    float* target = m.output + int64_t(b.words[c]) * d;
    copy(y, target, d);
    float score;
    dots(xi, y, 1, stride, &score);
    dots(xi, z, n, stride, negative_score);
    for (int k = 0; k < n; ++k) counts[k] = b.negatives[k] != b.words[c];
    negative_gradient(negative_score, counts, n, b.rate * b.negative_weight, gradient + i * lanes);
    if (b.loss) {
      positive_loss(b, score);
      negative_loss(b, negative_score, counts);
    }
    const float pull = b.rate / (1.0f + std::exp(score));
    const Sum pushes{gradient + i * lanes, 1, z, n};
    add(step + i * stride, stride, stride, {&pull, 0, y, 1}, &pushes);
    add(target, d, stride, {&pull, 0, xi, 1});
  }
  for (int r = span.from; r < span.to; ++r) {
    const int from = r - w > b.first ? r - w : b.first, to = r + w + 1 < end ? r + w + 1 : end;
    const int i = from - b.first;
    add(m.input + int64_t(b.words[r]) * d, d, stride,
        {inside + i * wide + (r - from + w), wide - 1, step + i * stride, to - from});
  }
  for (int k = 0; k < n; ++k)
    add(m.output + int64_t(b.negatives[k]) * d, d, stride, {gradient + k, lanes, x, b.centres});
}

// gradient[i][k] = rate * (label[k] - sigmoid(x[i] . nodes[k])); the nodes are updated here, x by the caller.
void tree_gradient(const Shared& m, const Path& p, const float* x, int inputs, const float* nodes, float* score,
                   float* gradient) {
  const int d = m.dimensions, stride = padded(d), wide = padded(p.length);
  for (int i = 0; i < inputs; ++i) {
    dots(x + i * stride, nodes, p.length, stride, score);
    if (p.loss) {
      for (int k = 0; k < p.length; ++k)
        add_loss(p.loss, 1.0f / (1.0f + std::exp(-score[k])), p.labels[k], 1.0f);
      p.loss[1] += 1;
    }
    for (int k = 0; k < p.length; k += W)
      store(gradient + i * wide + k, (load(p.labels + k) - sigmoid(load(score + k))) * p.rate);
  }
  for (int k = 0; k < p.length; ++k)
    add(m.output + int64_t(p.nodes[k]) * d, d, stride, {gradient + k, wide, x, inputs});
}

void skipgram_tree(const Shared& m, const Path& p, Scratch scratch) {
  const int d = m.dimensions, stride = padded(d), wide = padded(p.length);
  Arena arena{scratch.base};
  float* x = arena.take(p.contexts * stride);
  float* nodes = arena.take(p.length * stride);
  float* score = arena.take(wide);
  float* gradient = arena.take(p.contexts * wide);
  gather(m.input, p.context, p.contexts, d, x, stride);
  gather(m.output, p.nodes, p.length, d, nodes, stride);
  tree_gradient(m, p, x, p.contexts, nodes, score, gradient);
  for (int i = 0; i < p.contexts; ++i)
    add(m.input + int64_t(p.context[i]) * d, d, stride, {gradient + i * wide, 1, nodes, p.length});
}

void cbow_tree(const Shared& m, const Path& p, Scratch scratch) {
  const int d = m.dimensions, stride = padded(d), wide = padded(p.length);
  Arena arena{scratch.base};
  float* context = arena.take(p.contexts * stride);
  float* x = arena.take(stride);
  float* step = arena.take(stride);
  float* nodes = arena.take(p.length * stride);
  float* score = arena.take(wide);
  float* gradient = arena.take(wide);
  gather(m.input, p.context, p.contexts, d, context, stride);
  gather(m.output, p.nodes, p.length, d, nodes, stride);
  for (int k = 0; k < stride; ++k) x[k] = step[k] = 0;
  const float share = 1.0f / p.contexts, one = 1.0f;
  add(x, stride, stride, {&share, 0, context, p.contexts});
  tree_gradient(m, p, x, 1, nodes, score, gradient);
  add(step, stride, stride, {gradient, 1, nodes, p.length});
  for (int i = 0; i < p.contexts; ++i)
    add(m.input + int64_t(p.context[i]) * d, d, stride, {&one, 0, step, 1});
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {scratch_floats, skipgram_negative, cbow_negative, skipgram_tree, cbow_tree};

}  // namespace recurra::RECURRA_LEVEL
