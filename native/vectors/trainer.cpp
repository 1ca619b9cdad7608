#include "trainer.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "levels.h"
#include "words.h"

RECURRA_DECLARE(vectors::Kernels, kernels)

namespace recurra::vectors {

namespace {

constexpr int kCentres = 16;

// A batch is one step along the sum of its pairs' gradients. These bound the sum of rate x pairs along one row, for
// beyond about twice of them such steps overshoot and diverge, where single ones would not:
constexpr double kPerRow = 1.8;               // an input row: (negatives + 1) x pairs x rate
constexpr double kPerNegative = 0.75;         // a shared negative of skip-gram
constexpr double kPerMeanNegative = 0.1667;   // of CBOW, whose quality asks for more different ones
// With the usual rates, enough for quality; a lower rate is no reason to share more.
constexpr double kLowestRate = 0.025;

// Losses are looked at in one batch of so many: a logarithm a pair would cost a tenth of the time.
constexpr int kLossEvery = 32;

struct Random {
  uint64_t state;
  uint64_t next() {   // splitmix64 (Steele, Lea and Flood, 2014)
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
};

void prefetch(const float* row, int dimensions) {
  for (int k = 0; k < dimensions; k += 16) __builtin_prefetch(row + k, 1);
}

}  // namespace

Tree huffman(const int64_t* counts, int64_t n) {
  const int64_t nodes = 2 * n - 1;
  Tree tree{std::vector<int32_t>(size_t(nodes), -1), std::vector<uint8_t>(size_t(nodes), 0)};
  std::vector<int64_t> weight(size_t(nodes), std::numeric_limits<int64_t>::max());
  std::copy(counts, counts + n, weight.begin());
  int64_t leaf = n - 1, inner = n;   // the lightest of each kind that has no parent yet
  const auto lightest = [&](int64_t made) {
    if (leaf >= 0 && (inner >= made || weight[size_t(leaf)] < weight[size_t(inner)])) return leaf--;
    return inner++;
  };
  for (int64_t made = n; made < nodes; ++made) {
    const int64_t first = lightest(made), second = lightest(made);
    weight[size_t(made)] = weight[size_t(first)] + weight[size_t(second)];
    tree.parent[size_t(first)] = tree.parent[size_t(second)] = int32_t(made);
    tree.code[size_t(second)] = 1;
  }
  return tree;
}

Negatives::Negatives(const int64_t* counts, int64_t n, double exponent) : table_(size_t(n)) {
  std::vector<float> share(static_cast<size_t>(n));
  double total = 0;
  for (int64_t k = 0; k < n; ++k) total += std::pow(double(counts[k]), exponent);
  for (int64_t k = 0; k < n; ++k) share[size_t(k)] = float(std::pow(double(counts[k]), exponent) / total * double(n));
  // Words below the average share their slot with one above it (Vose, 1991).
  std::vector<int32_t> low, high;
  for (int64_t k = 0; k < n; ++k) (share[size_t(k)] < 1.0f ? low : high).push_back(int32_t(k));
  while (!low.empty() && !high.empty()) {
    const int32_t poor = low.back(), rich = high.back();
    low.pop_back();
    table_[size_t(poor)] = {uint32_t(double(share[size_t(poor)]) * 4294967295.0), rich};
    share[size_t(rich)] -= 1.0f - share[size_t(poor)];
    if (share[size_t(rich)] < 1.0f) {
      high.pop_back();
      low.push_back(rich);
    }
  }
  for (const std::vector<int32_t>* rest : {&low, &high})
    for (const int32_t k : *rest) table_[size_t(k)] = {std::numeric_limits<uint32_t>::max(), k};
}

struct Trainer::Worker {
  std::vector<float> scratch;
  float* aligned = nullptr;
  std::vector<int32_t> ids;
  std::vector<int32_t> words;              // of the sub-sampled chunk
  std::vector<std::vector<int32_t>> low, high;   // of each slice of the windows
  std::vector<int32_t> negatives, upcoming;
  std::vector<int32_t> nodes, context;
  std::vector<float> labels;
  Random random{0};
  double loss[2] = {0, 0};
  std::FILE* file = nullptr;
  ~Worker() {
    if (file) std::fclose(file);
  }
};

Trainer::Trainer(const Plan& plan, float* input, float* output, const int64_t* counts, int64_t words,
                 std::string path, std::vector<int64_t> starts, int64_t first_chunk)
    : plan_(plan), shared_{input, output, plan.dimensions}, kernels_(&RECURRA_PICK(kernels)),
      path_(std::move(path)), starts_(std::move(starts)), centres_(kCentres), next_(first_chunk) {
  if (plan.sample > 0) {
    const double total = double(std::accumulate(counts, counts + words, int64_t(0)));
    keep_.resize(size_t(words));
    for (int64_t k = 0; k < words; ++k) {
      const double ratio = plan.sample * total / double(counts[k]);
      keep_[size_t(k)] = float(std::sqrt(ratio) + ratio);   // as word2vec.c has it, not as the paper
    }
  }
  if (plan.negatives > 0) {
    negatives_ = std::make_unique<Negatives>(counts, words, plan.exponent);
    const double rate = std::max(plan.first_rate, kLowestRate), mean_window = plan.window + 1;
    double pairs = plan.negatives;            // with negatives, of one centre in one step
    if (plan.skipgram) {
      slices_ = std::min(int(std::ceil(rate * mean_window * (plan.negatives + 1) / kPerRow)), 2 * plan.window + 1);
      pairs *= mean_window / slices_;
    } else {
      const double most = kPerRow / (rate * (plan.negatives + 1));   // windows that overlap in one step
      if (mean_window > most) centres_ = std::clamp(int(most), 1, kCentres);
    }
    const double bound = plan.skipgram ? kPerNegative : kPerMeanNegative;
    batch_negatives_ = int(std::ceil(centres_ * pairs * rate / bound / 4)) * 4;
  } else {
    tree_ = huffman(counts, words);
    std::vector<int32_t> depth(tree_.parent.size(), 0);
    for (int64_t k = int64_t(depth.size()) - 2; k >= 0; --k) {
      depth[size_t(k)] = depth[size_t(tree_.parent[size_t(k)])] + 1;
      deepest_ = std::max(deepest_, int(depth[size_t(k)]));
    }
  }
  for (size_t k = 0; k + 1 < starts_.size(); ++k)
    longest_chunk_ = std::max(longest_chunk_, starts_[k + 1] - starts_[k]);
}

Trainer::~Trainer() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void Trainer::start(int threads, int64_t until) {
  wait();
  const int64_t all = int64_t(starts_.size() - 1) * plan_.epochs;
  limit_ = std::min(until, all);
  for (int k = 0; k < threads; ++k) {
    ++running_;
    threads_.emplace_back([this] {
      try {
        work();
      } catch (...) {
        stop();
        const std::lock_guard<std::mutex> hold(mutex_);
        if (!fault_) fault_ = std::current_exception();
      }
      --running_;
    });
  }
}

void Trainer::wait() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  const std::lock_guard<std::mutex> hold(mutex_);
  if (fault_) std::rethrow_exception(std::exchange(fault_, nullptr));
}

int64_t Trainer::done() const { return next_; }

double Trainer::progress() const {
  const int64_t chunks = int64_t(starts_.size()) - 1, done = std::min<int64_t>(next_, chunks * plan_.epochs);
  const double all = double(starts_.back()) * plan_.epochs;
  return all > 0 ? (double(starts_.back()) * double(done / chunks) + double(starts_[size_t(done % chunks)])) / all : 1;
}

double Trainer::take_loss() {
  const std::lock_guard<std::mutex> hold(mutex_);
  const double mean = loss_[1] > 0 ? loss_[0] / loss_[1] : std::numeric_limits<double>::quiet_NaN();
  loss_[0] = loss_[1] = 0;
  return mean;
}

void Trainer::work() {
  Worker worker;
  const int64_t floats =
      kernels_->scratch_floats(plan_.dimensions, centres_, plan_.window, batch_negatives_, deepest_);
  worker.scratch.assign(size_t(floats) + kPad, 0.0f);
  worker.aligned = worker.scratch.data();
  while (reinterpret_cast<uintptr_t>(worker.aligned) % 64) ++worker.aligned;
  worker.ids.resize(size_t(longest_chunk_));
  worker.negatives.resize(size_t(batch_negatives_ + kPad));
  worker.upcoming.resize(size_t(batch_negatives_ + kPad));
  worker.nodes.resize(size_t(deepest_));
  worker.labels.resize(size_t(deepest_ + kPad));
  worker.context.resize(size_t(2 * plan_.window));
  worker.file = std::fopen(path_.c_str(), "rb");
  if (!worker.file) throw std::runtime_error(path_ + ": cannot be opened: " + std::strerror(errno));
  for (;;) {
    int64_t mine = next_;
    do {
      if (mine >= limit_) return;
    } while (!next_.compare_exchange_weak(mine, mine + 1));
    chunk(worker, mine);
    const std::lock_guard<std::mutex> hold(mutex_);
    loss_[0] += worker.loss[0];
    loss_[1] += worker.loss[1];
    worker.loss[0] = worker.loss[1] = 0;
  }
}

// The random numbers of a chunk depend on nothing but the seed, the epoch and its place: one thread repeats
// bit for bit, wherever training was interrupted.
void Trainer::chunk(Worker& worker, int64_t number) {
  const int64_t chunks = int64_t(starts_.size()) - 1, place = number % chunks;
  worker.random.state = plan_.seed * 0xd1342543de82ef95ull + uint64_t(number) * 0x9e3779b97f4a7c15ull;
  worker.random.state = worker.random.next();
  fill(worker, place);
  const double all = double(starts_.back()) * plan_.epochs;
  const double done = (double(starts_.back()) * double(number / chunks) + double(starts_[size_t(place)])) / all;
  const float rate = float(plan_.first_rate - (plan_.first_rate - plan_.last_rate) * done);
  if (plan_.negatives > 0) {
    batches(worker, rate);
  } else {
    paths(worker, rate);
  }
}

// Reads a chunk, drops frequent words, draws the windows.
void Trainer::fill(Worker& worker, int64_t place) {
  const int64_t from = starts_[size_t(place)], length = starts_[size_t(place) + 1] - from;
  if (fseeko(worker.file, off_t(from) * 4, SEEK_SET) != 0 ||
      std::fread(worker.ids.data(), 4, size_t(length), worker.file) != size_t(length))
    throw std::runtime_error(path_ + ": cut short, or not readable");
  worker.words.clear();
  worker.low.resize(size_t(slices_));
  worker.high.resize(size_t(slices_));
  for (int s = 0; s < slices_; ++s) {
    worker.low[size_t(s)].clear();
    worker.high[size_t(s)].clear();
  }
  const int32_t width = (2 * plan_.window + slices_) / slices_;
  Random& random = worker.random;
  int32_t sentence = 0;
  const auto end_sentence = [&] {
    const int32_t end = int32_t(worker.words.size());
    for (int32_t c = sentence; c < end; ++c) {
      const int32_t reach = 1 + int32_t((random.next() >> 32) * uint64_t(plan_.window) >> 32);
      const int32_t low = std::max(sentence, c - reach), high = std::min(end, c + reach + 1);
      for (int s = 0; s < slices_; ++s) {
        const int32_t from = c - plan_.window + s * width;
        worker.low[size_t(s)].push_back(std::clamp(from, low, high));
        worker.high[size_t(s)].push_back(std::clamp(from + width, low, high));
      }
    }
    sentence = end;
  };
  for (int64_t k = 0; k < length; ++k) {
    const int32_t id = worker.ids[size_t(k)];
    if (id < 0) {
      end_sentence();
    } else if (keep_.empty() || keep_[size_t(id)] >= 1.0f ||
               float(random.next() >> 40) * (1.0f / 16777216.0f) < keep_[size_t(id)]) {
      worker.words.push_back(id);
    }
  }
  end_sentence();
}

void Trainer::batches(Worker& worker, float rate) {
  const int d = plan_.dimensions, count = int(worker.words.size());
  const auto draw = [&](std::vector<int32_t>& into) {
    for (int k = 0; k < batch_negatives_; ++k) {
      into[size_t(k)] = negatives_->draw(worker.random.next());
      prefetch(shared_.output + int64_t(into[size_t(k)]) * d, d);
    }
  };
  const auto train = plan_.skipgram ? kernels_->skipgram_negative : kernels_->cbow_negative;
  draw(worker.negatives);
  for (int first = 0, turn = 0; first < count; first += centres_, ++turn) {
    const int ahead = std::min(first + 2 * centres_ + plan_.window, count);
    for (int c = first + centres_ + plan_.window; c < ahead; ++c) {
      prefetch(shared_.input + int64_t(worker.words[size_t(c)]) * d, d);
      prefetch(shared_.output + int64_t(worker.words[size_t(c)]) * d, d);
    }
    for (int s = 0; s < slices_; ++s) {
      draw(worker.upcoming);
      const Batch batch{worker.words.data(), worker.low[size_t(s)].data(), worker.high[size_t(s)].data(), first,
                        std::min(centres_, count - first), plan_.window, worker.negatives.data(), batch_negatives_,
                        float(plan_.negatives) / float(batch_negatives_), rate,
                        turn % kLossEvery == 0 ? worker.loss : nullptr};
      train(shared_, batch, {worker.aligned});
      std::swap(worker.negatives, worker.upcoming);
    }
  }
}

void Trainer::paths(Worker& worker, float rate) {
  const int count = int(worker.words.size());
  const int64_t leaves = int64_t(tree_.parent.size() + 1) / 2;
  const auto train = plan_.skipgram ? kernels_->skipgram_tree : kernels_->cbow_tree;
  int turn = 0;
  for (int c = 0; c < count; ++c) {
    int contexts = 0, length = 0;
    for (int r = worker.low[0][size_t(c)]; r < worker.high[0][size_t(c)]; ++r)
      if (r != c) worker.context[size_t(contexts++)] = worker.words[size_t(r)];
    for (int32_t node = worker.words[size_t(c)]; tree_.parent[size_t(node)] >= 0; node = tree_.parent[size_t(node)]) {
      worker.nodes[size_t(length)] = int32_t(tree_.parent[size_t(node)] - leaves);
      worker.labels[size_t(length++)] = 1.0f - tree_.code[size_t(node)];
    }
    if (contexts == 0 || length == 0) continue;
    double* loss = turn++ % (8 * kLossEvery) == 0 ? worker.loss : nullptr;
    const int most = plan_.skipgram ? kCentres : contexts;   // pairs in one step along the rows near the root
    for (int from = 0; from < contexts; from += most)
      train(shared_,
            {worker.context.data() + from, std::min(most, contexts - from), worker.nodes.data(),
             worker.labels.data(), length, rate, loss},
            {worker.aligned});
  }
}

}  // namespace recurra::vectors
