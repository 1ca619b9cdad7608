#include "engine/forest.h"

#include "check.h"

namespace recurra::tests {
namespace {

const Place nowhere{Space::none, 0, 0};

int op(Op name) { return static_cast<int>(name); }
Place at(Space space, int index) { return {space, index, 0}; }

// Two trees: rows 0 to 3 are leaves (of trees 0, 0, 0, 1), 4 is (0, 1), 5 is (3), 6 is (4, 2); 7 is none.
struct Example {
  std::vector<int64_t> sizes{4, 2, 1}, tree{0, 0, 0, 1, 0, 1, 0};
  std::vector<int64_t> children{7, 7, 7, 7, 7, 7, 7, 7, 0, 1, 3, 7, 4, 2};
  std::vector<int64_t> child{0, 1, 3, 4, 2}, parent{4, 4, 5, 6, 6}, first{0, 0, 0, 0, 0, 2, 3, 5};

  Trees slots() const {
    return {sizes.data(), 3, 7, 2, tree.data(), 2, children.data(), 0, nullptr, nullptr, nullptr};
  }
  Trees edges() const {
    return {sizes.data(), 3, 7, 2, tree.data(), 0, nullptr, 5, child.data(), parent.data(), first.data()};
  }
};

// y = x + left @ W + right, and the total of all y; inputs x, left, right.
LoopProgram node_program(int width) {
  LoopProgram p;
  p.inputs = {width, width, width};
  p.outputs = {width};
  p.temporaries = {width};
  p.weights = {{width, width}};
  p.totals = {width};
  p.lines = {{-1, width, 0, at(Space::temporary, 0), at(Space::input, 1), nowhere, at(Space::input, 0), 0},
             {op(Op::add), width, 0, at(Space::output, 0), at(Space::temporary, 0), at(Space::input, 2), nowhere, -1},
             {op(Op::total), width, 0, at(Space::total, 0), at(Space::output, 0), nowhere, nowhere, -1}};
  return p;
}

// y = x + sums, of a node; 2 child, of an edge.
LoopProgram sums_program(int width) {
  LoopProgram p;
  p.inputs = {width, width};
  p.outputs = {width};
  p.lines = {{op(Op::add), width, 0, at(Space::output, 0), at(Space::input, 0), at(Space::input, 1), nowhere, -1}};
  return p;
}

LoopProgram edge_program(int width) {
  LoopProgram p;
  p.inputs = {width};
  p.outputs = {width};
  p.lines = {{op(Op::add), width, 0, at(Space::output, 0), at(Space::input, 0), at(Space::input, 0), nowhere, -1}};
  return p;
}

CallPlan plan_of(const LoopProgram& p) {
  CallPlan plan;
  for (const auto* widths : {&p.inputs, &p.outputs})
    for (int width : *widths) plan.tensors.push_back(width);
  for (size_t k = 0; k < p.inputs.size(); ++k) plan.inputs.push_back(static_cast<int>(k));
  for (size_t k = 0; k < p.outputs.size(); ++k) plan.outputs.push_back(static_cast<int>(p.inputs.size() + k));
  plan.weights = p.weights;
  for (size_t w = 0; w < p.weights.size(); ++w) plan.loop_weights.push_back({static_cast<int>(w), false});
  return plan;
}

template <class T>
void with_slots(int width, int threads, bool same) {
  const Example example;
  Random random;
  const std::vector<T> x = random.numbers<T>(7 * width), weight = random.numbers<T>(static_cast<long>(width) * width);
  const std::vector<T> none(width, T(0));
  std::vector<T> left = fresh<T>(7 * width), right = fresh<T>(7 * width), y = fresh<T>(7 * width), total = fresh<T>(width);
  const LoopProgram program = node_program(width);
  const Call<T> call(program, plan_of(program));
  const CallArguments<T> with{
      {{const_cast<T*>(x.data()), width}, {left.data(), width}, {right.data(), width}, {y.data(), width}},
      {}, {}, {{weight.data(), width, 1}}, {}, {}, {total.data()}, {}, {}};
  const ForestPlan plan{false, {3}, {1, 2}, {}, {}, same ? std::vector<int>{0} : std::vector<int>{}, {}};
  run_forest<T>(example.slots(), plan, call, with, {}, nullptr, {}, {}, {{none.data(), 0}}, threads);
  std::vector<double> sums(width, 0.0);
  for (long r = 0; r < 7; ++r)
    for (long j = 0; j < width; ++j) {
      double value = x[r * width + j];
      const long one = example.children[2 * r], other = example.children[2 * r + 1];
      for (long i = 0; i < width && one < 7; ++i) value += double(y[one * width + i]) * double(weight[i * width + j]);
      if (other < 7) value += y[other * width + j];
      CHECK_CLOSE(y[r * width + j], value, 1e-5);
      sums[j] += y[r * width + j];
    }
  for (long j = 0; j < width; ++j) CHECK_CLOSE(total[j], sums[j], 1e-5);
}

// Backwards: what is given to a node's y goes to its children as it is.
template <class T>
void with_edges(int width, int threads) {
  const Example example;
  Random random;
  const std::vector<T> x = random.numbers<T>(7 * width);
  std::vector<T> sums = fresh<T>(7 * width), y = fresh<T>(7 * width);
  std::vector<T> of_child = fresh<T>(5 * width), doubled = fresh<T>(5 * width);
  const LoopProgram program = sums_program(width), of_edge = edge_program(width);
  const Call<T> call(program, plan_of(program)), edge(of_edge, plan_of(of_edge));
  const CallArguments<T> with{
      {{const_cast<T*>(x.data()), width}, {sums.data(), width}, {y.data(), width}}, {}, {}, {}, {}, {}, {}, {}, {}};
  const CallArguments<T> edge_with{{{of_child.data(), width}, {doubled.data(), width}}, {}, {}, {}, {}, {}, {}, {}, {}};
  run_forest<T>(example.edges(), {false, {2}, {1}, {0}, {1}, {}, {}}, call, with, {}, &edge, edge_with, {}, {}, threads);
  for (long j = 0; j < width; ++j) {
    const auto value = [&](long r) { return double(y[r * width + j]); };
    CHECK_CLOSE(value(4), x[4 * width + j] + 2 * (value(0) + value(1)), 1e-5);
    CHECK_CLOSE(value(5), x[5 * width + j] + 2 * value(3), 1e-5);
    CHECK_CLOSE(value(6), x[6 * width + j] + 2 * (value(4) + value(2)), 1e-5);
  }
  // the gradient of y, to which parents add; sums' is that plus nothing
  std::vector<T> gradient(7 * width, T(1)), nothing(7 * width, T(0)), of_sums = fresh<T>(7 * width);
  const CallArguments<T> back{
      {{gradient.data(), width}, {nothing.data(), width}, {of_sums.data(), width}}, {}, {}, {}, {}, {}, {}, {}, {}};
  run_forest<T>(example.edges(), {true, {0}, {2}, {1}, {0}, {}, {}}, call, back, {}, &edge, edge_with, {}, {}, threads);
  const double expected[7] = {7, 7, 3, 3, 3, 1, 1};
  for (long r = 0; r < 7; ++r) CHECK_CLOSE(gradient[r * width], expected[r], 1e-6);
}

TEST(forest_with_slots) {
  for (int width : {1, 5, 40})
    for (int threads : {1, 2, 3}) {
      with_slots<float>(width, threads, false);
      with_slots<double>(width, threads, true);
    }
}

TEST(forest_with_edges) {
  for (int width : {1, 5, 40})
    for (int threads : {1, 2, 3}) {
      with_edges<float>(width, threads);
      with_edges<double>(width, threads);
    }
}

TEST(forest_of_what_is_none) {
  Example example;
  example.children[2 * 4] = 6;  // its own parent
  CHECK_THROWS(std::invalid_argument, example.slots().check());
  example = {};
  example.children[2 * 4] = 3;  // of another tree
  CHECK_THROWS(std::invalid_argument, example.slots().check());
  example = {};
  example.child[4] = 9;
  CHECK_THROWS(std::invalid_argument, example.edges().check());
  example = {};
  example.first[6] = 4;
  CHECK_THROWS(std::invalid_argument, example.edges().check());
  example = {};
  example.tree[1] = 1;
  CHECK_THROWS(std::invalid_argument, example.slots().check());
  example = {};
  example.sizes[2] = 0;
  CHECK_THROWS(std::invalid_argument, example.slots().check());
}

}  // namespace
}  // namespace recurra::tests
