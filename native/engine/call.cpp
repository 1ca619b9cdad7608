#include "call.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "gemm.h"

namespace recurra {
namespace {

void require(bool right) {
  if (!right) throw std::invalid_argument("call: a number that does not exist, or a shape that does not fit");
}

bool within(int number, size_t count) { return number >= 0 && static_cast<size_t>(number) < count; }

std::vector<int> all_widths(const CallPlan& plan) {
  std::vector<int> widths = plan.tensors;
  for (const auto& buffer : plan.buffers) widths.insert(widths.end(), buffer.begin(), buffer.end());
  return widths;
}

class Clock {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - since_;
    since_ = now;
    return passed.count();
  }

 private:
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

}  // namespace

void CallPlan::check(const LoopProgram& loop) const {
  const std::vector<int> widths = all_widths(*this);
  const auto array = [&](int number, int width) {
    require(within(number, widths.size()) && width >= 0 && widths[number] >= width);
  };
  const auto columns = [&](int number, int start, int count) {
    require(start >= 0 && count >= 0);
    array(number, start + count);
  };
  require(inputs.size() == loop.inputs.size() && outputs.size() == loop.outputs.size() &&
          loop_weights.size() == loop.weights.size() && vectors == loop.vectors);
  for (size_t i = 0; i < inputs.size(); ++i) array(inputs[i], loop.inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i) {
    array(outputs[i], loop.outputs[i]);
    require(widths[outputs[i]] == loop.outputs[i]);
  }
  for (size_t i = 0; i < loop_weights.size(); ++i) {
    const auto [weight, transposed] = loop_weights[i];
    require(within(weight, weights.size()));
    auto size = weights[weight];
    if (transposed) std::swap(size.first, size.second);
    require(size == loop.weights[i]);
  }
  for (const auto* products : {&hoisted, &input_gradients})
    for (const Product& p : *products) {
      require(within(p.weight, weights.size()));
      auto [depth, width] = weights[p.weight];
      if (p.transposed) std::swap(depth, width);
      require(p.depth == depth);
      columns(p.x, p.start, depth);
      columns(p.out, p.out_start, width);
      require(p.vector == -1 || (within(p.vector, vectors.size()) && vectors[p.vector] == width));
    }
  for (const GradientProduct& g : weight_gradients) {
    require(within(g.weight, weights.size()));
    columns(g.x, g.start, weights[g.weight].first);
    array(g.gradient, weights[g.weight].second);
  }
  for (int number : sums) array(number, 0);
}

template <class T>
Call<T>::Call(LoopProgram loop, CallPlan plan)
    : loop_(std::move(loop)), plan_(std::move(plan)), widths_(all_widths(plan_)) {
  plan_.check(loop_.program());
}

template <class T>
void Call<T>::check(long rows, long count, const CallArguments<T>& with) const {
  const CallPlan& p = plan_;
  const LoopProgram& loop = loop_.program();
  if (with.tensors.size() != p.tensors.size() || with.buffers.size() != p.buffers.size() ||
      with.initial.size() != loop.states.size() || with.weights.size() != p.weights.size() ||
      with.vectors.size() != p.vectors.size() || with.finals.size() != loop.states.size() ||
      with.totals.size() != loop.totals.size() ||
      (!p.weight_gradients.empty() && with.gradients.size() != p.weights.size()) || with.sums.size() != p.sums.size())
    throw std::invalid_argument("call: wrong number of arrays");
  const auto memory = [](const T* data, long numbers) {
    if (!data && numbers > 0) throw std::invalid_argument("call: no memory where numbers belong");
  };
  const auto apart = [&](const T* data, long stride, long many, long width) {
    memory(data, many * width);
    if (many > 1 && stride < width) throw std::invalid_argument("call: rows closer than they are wide");
  };
  for (size_t i = 0; i < p.tensors.size(); ++i) apart(with.tensors[i].data, with.tensors[i].row_stride, count, p.tensors[i]);
  for (int number : p.outputs)
    if (static_cast<size_t>(number) < p.tensors.size() && count > 1 &&
        with.tensors[number].row_stride != p.tensors[number])
      throw std::invalid_argument("call: gaps between the rows of an output");
  for (size_t b = 0; b < p.buffers.size(); ++b) {
    long width = 0;
    for (int columns : p.buffers[b]) width += columns;
    memory(with.buffers[b], count * width);
  }
  for (size_t j = 0; j < loop.states.size(); ++j) {
    apart(with.initial[j].data, with.initial[j].row_stride, rows, loop.states[j]);
    memory(with.finals[j], rows * loop.states[j]);
  }
  for (size_t w = 0; w < p.weights.size(); ++w)
    memory(with.weights[w].data, static_cast<long>(p.weights[w].first) * p.weights[w].second);
  for (size_t v = 0; v < p.vectors.size(); ++v) memory(with.vectors[v], p.vectors[v]);
  for (size_t o = 0; o < loop.totals.size(); ++o) memory(with.totals[o], loop.totals[o]);
  for (const GradientProduct& g : p.weight_gradients)
    memory(with.gradients[g.weight].data, static_cast<long>(p.weights[g.weight].first) * p.weights[g.weight].second);
  for (size_t s = 0; s < p.sums.size(); ++s) memory(with.sums[s], widths_[p.sums[s]]);
}

template <class T>
CallSeconds Call<T>::run(long rows, const int64_t* batch_sizes, long steps, bool reverse, const CallArguments<T>& with,
                         int threads) const {
  const long count = count_rows(rows, batch_sizes, steps);
  return around(rows, count, with, {}, threads, [&](const LoopArrays<T>& of) {
    loop_.run(rows, batch_sizes, steps, reverse, of.inputs, with.initial, of.weights, with.vectors, of.outputs, with.finals,
              with.totals, threads);
  });
}

template <class T>
CallSeconds Call<T>::around(long rows, long count, const CallArguments<T>& with, const std::vector<long>& first_rows,
                            int threads, const std::function<void(const LoopArrays<T>&)>& loop) const {
  const CallPlan& p = plan_;
  check(rows, count, with);
  if (!first_rows.empty() && first_rows.size() != p.weight_gradients.size())
    throw std::invalid_argument("call: wrong number of first rows");
  LoopArrays<T> of{with.tensors, {}, {}, {}};
  std::vector<Strided<T>>& arrays = of.arrays;
  for (size_t b = 0; b < p.buffers.size(); ++b) {
    T* next = with.buffers[b];
    for (int width : p.buffers[b]) {
      arrays.push_back({next, width});
      next += count * width;
    }
  }
  const auto multiply = [&](const Product& product) {
    auto [depth, width] = p.weights[product.weight];
    Matrix<const T> weight = with.weights[product.weight];
    if (product.transposed) {
      std::swap(depth, width);
      weight = weight.transposed();
    }
    const Strided<T>&x = arrays[product.x], &out = arrays[product.out];
    gemm<T>(count, depth, width, {x.data + product.start, x.row_stride, 1}, weight,
            product.vector < 0 ? nullptr : with.vectors[product.vector], out.data + product.out_start, out.row_stride,
            product.add, threads);
  };

  CallSeconds seconds;
  Clock clock;
  for (const Product& product : p.hoisted) multiply(product);
  seconds.before = clock.lap();

  for (int number : p.inputs) of.inputs.push_back({arrays[number].data, arrays[number].row_stride});
  for (int number : p.outputs) of.outputs.push_back(arrays[number].data);
  for (const auto& [number, transposed] : p.loop_weights)
    of.weights.push_back(transposed ? with.weights[number].transposed() : with.weights[number]);
  loop(of);
  seconds.loop = clock.lap();

  for (size_t i = 0; i < p.weight_gradients.size(); ++i) {
    const GradientProduct& g = p.weight_gradients[i];
    const auto [depth, width] = p.weights[g.weight];
    const Matrix<T>& to = with.gradients[g.weight];
    const long first = first_rows.empty() ? 0 : first_rows[i], last = count - first;
    if (first < 0 || last < 0) throw std::invalid_argument("call: a first row that does not exist");
    Strided<T> x = arrays[g.x], y = arrays[g.gradient];
    x.data += first * x.row_stride;
    y.data += first * y.row_stride;
    // the result's rows lie whole, or else its columns do and it is made transposed
    if (to.column_stride == 1)
      gemm<T>(depth, last, width, {x.data + g.start, 1, x.row_stride}, {y.data, y.row_stride, 1}, nullptr,
              to.data, to.row_stride, g.add, threads);
    else
      gemm<T>(width, last, depth, {y.data, 1, y.row_stride}, {x.data + g.start, x.row_stride, 1}, nullptr,
              to.data, to.column_stride, g.add, threads);
  }
  for (size_t s = 0; s < p.sums.size(); ++s) {
    const int number = p.sums[s];
    column_sums<T>(arrays[number].data, arrays[number].row_stride, count, widths_[number], with.sums[s], threads);
  }
  for (const Product& product : p.input_gradients) multiply(product);
  seconds.after = clock.lap();
  return seconds;
}

template class Call<float>;
template class Call<double>;

}  // namespace recurra
