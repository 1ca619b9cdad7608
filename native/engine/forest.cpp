#include "forest.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "buffer.h"
#include "companions.h"
#include "pieces.h"
#include "pool.h"

namespace recurra {
namespace {

// Memory of the rows that run at a time stays well inside the second-level cache.
constexpr long chunk_bytes = 384 * 1024;
// Sums over all rows are kept apart for so many groups of trees at most.
constexpr long most_groups = 64;

long padded(long count) { return pieces(count, 16) * 16; }

void refuse(const char* why) { throw std::invalid_argument(std::string("forest: ") + why); }

// One of the two programs: of a node, or of an edge.
template <class T>
struct Side {
  const Interpreter<T>& interpreter;
  const LoopArrays<T>& of;
  const std::vector<Packed<T>>& weights;
  const std::vector<const T*>& vectors;
  const int64_t* row;                 // [rows] of the nodes whose tree a row belongs to; null: its own
  std::vector<std::vector<T>>& sums;  // of each total, a row of numbers for each group of trees
  std::vector<char> same, idle;       // of each line
  long most;                          // rows at a time

  const LoopProgram& program() const { return interpreter.code; }

  long numbers() const {
    long numbers = 0, widest = 1;
    for (int width : program().temporaries) numbers += padded(most * width);
    for (int width : program().locals) numbers += padded(interpreter.tile_rows(most) * width);
    for (const auto& [depth, width] : program().weights) widest = std::max<long>(widest, width);
    return numbers + padded(widest);
  }
};

template <class T>
long most_rows(const LoopProgram& p) {
  long numbers = 1;
  for (const auto* widths : {&p.inputs, &p.outputs, &p.temporaries})
    for (int width : *widths) numbers += width;
  return pieces(std::max<long>(12, chunk_bytes / static_cast<long>(sizeof(T)) / numbers), 12) * 12;
}

// A program on one thread.
template <class T>
class Runner {
 public:
  template <class Memory>
  Runner(const Side<T>& side, const int64_t* tree, long trees_each, Companions* companions, const Memory& memory)
      : side_(side), tree_(tree), trees_each_(trees_each), companions_(companions) {
    frame_ = side.interpreter.frame(side.most, side.vectors, memory);
    long widest = 1;
    for (const auto& [depth, width] : side.program().weights) widest = std::max<long>(widest, width);
    row_ = memory(widest);
    for (size_t k = 0; k < side.of.inputs.size(); ++k) frame_.slots[k].row_stride = side.of.inputs[k].row_stride;
  }

  // Rows [first, last), in chunks. with_same: the lines `same` read rows that are all alike; with_idle: the lines `idle`
  // make zeros.
  void run(long first, long last, bool with_same, bool with_idle) {
    for (long r = first; r < last; r += side_.most) chunk(r, std::min(side_.most, last - r), with_same, with_idle);
  }

 private:
  void chunk(long first, long rows, bool with_same, bool with_idle) {
    const LoopProgram& p = side_.program();
    const LoopArrays<T>& of = side_.of;
    for (size_t k = 0; k < of.inputs.size(); ++k)
      frame_.slots[k].data = const_cast<T*>(of.inputs[k].data + first * of.inputs[k].row_stride);
    const int first_output = side_.interpreter.layout.first_output;
    for (size_t k = 0; k < p.outputs.size(); ++k) frame_.slots[first_output + k].data = of.outputs[k] + first * p.outputs[k];
    side_.interpreter.step_with(
        frame_, rows,
        [&](size_t line, const ProductArguments<T>& product) {
          const Packed<T>& weight = side_.weights[side_.interpreter.lines[line].weight];
          if (with_idle && side_.idle[line]) return zeros(weight.width(), product);
          if (with_same && side_.same[line]) return once(weight, product);
          multiply(weight, product, companions_);
        },
        [&](const SlotLine<T>& line, const Tile<T>& x, long row) { total(line, x, first + row); });
  }

  static void zeros(long width, const ProductArguments<T>& p) {
    for (long r = 0; r < p.rows; ++r) std::fill_n(p.c.data + r * p.c.row_stride, width, T(0));
  }

  // One row's product for all of them.
  void once(const Packed<T>& weight, const ProductArguments<T>& p) {
    weight.product(0, weight.panels(), {1, p.a, {row_, weight.width()}, p.bias, {nullptr, 0}});
    for (long r = 0; r < p.rows; ++r) {
      T* c = p.c.data + r * p.c.row_stride;
      const T* addend = p.addend.data ? p.addend.data + r * p.addend.row_stride : nullptr;
      for (long n = 0; n < weight.width(); ++n) c[n] = addend ? addend[n] + row_[n] : row_[n];
    }
  }

  // Rows are summed in groups that do not depend on how trees are shared out.
  void total(const SlotLine<T>& line, const Tile<T>& x, long row) const {
    const auto group = [&](long r) { return tree_[side_.row ? side_.row[row + r] : row + r] / trees_each_; };
    for (long r = 0; r < x.rows;) {
      const long own = group(r);
      Tile<T> part = x;
      part.rows = 1;
      while (r + part.rows < x.rows && group(r + part.rows) == own) ++part.rows;
      part.a = x.a + r * x.as;
      part.d = side_.sums[line.d.slot].data() + own * side_.program().totals[line.d.slot] + line.d.column;
      line.call(part);
      r += part.rows;
    }
  }

  const Side<T>& side_;
  const int64_t* tree_;
  const long trees_each_;
  Companions* companions_;
  Frame<T> frame_;
  T* row_;
};

// What all threads share.
template <class T>
struct Work {
  const Trees& trees;
  const ForestPlan& plan;
  const std::vector<long>& offsets;  // of each level, and the end
  const Side<T>& node;
  const Side<T>* edge;
  const std::vector<int>&widths, &edge_widths;
  const std::vector<Strided<const T>>& missing;
  long trees_each;

  Strided<T> array(int number) const { return node.of.arrays[number]; }
  Strided<T> edge_array(int number) const { return edge->of.arrays[number]; }
};

// Trees [first, last) on one thread.
template <class T>
class Share {
 public:
  Share(const Work<T>& work, long first, long last, Companions* companions)
      : w_(work), first_(first), last_(last), companions_(companions) {}

  void run() {
    T* free = arena<T>(w_.node.numbers() + (w_.edge ? w_.edge->numbers() : 0));
    const auto memory = [&](long count) { return std::exchange(free, free + padded(count)); };
    Runner<T> node(w_.node, w_.trees.tree, w_.trees_each, companions_, memory);
    if (w_.edge) {
      Runner<T> edge(*w_.edge, w_.trees.tree, w_.trees_each, companions_, memory);
      over_levels(node, &edge);
    } else {
      over_levels(node, nullptr);
    }
  }

 private:
  void over_levels(Runner<T>& node, Runner<T>* edge) {
    const long levels = w_.trees.levels;
    for (long step = 0; step < levels; ++step) {
      if (step % 16 == 0) stop_point();
      const long level = w_.plan.backward ? levels - 1 - step : step;
      const long begin = bound(level, first_), end = bound(level, last_);
      if (begin == end) continue;
      const bool leaves = level == 0;
      if (w_.plan.backward) {
        node.run(begin, end, false, leaves);
        if (edge)
          edges_back(begin, end, *edge);
        else
          slots_back(begin, end);
      } else {
        if (edge)
          edges_on(begin, end, *edge);
        else
          slots_on(begin, end);
        node.run(begin, end, leaves, false);
      }
    }
  }

  // The first row of a level whose tree is not before this one.
  long bound(long level, long tree) const {
    const int64_t* all = w_.trees.tree;
    return std::lower_bound(all + w_.offsets[level], all + w_.offsets[level + 1], static_cast<int64_t>(tree)) - all;
  }

  void slots_on(long begin, long end) const {
    const Trees& t = w_.trees;
    const size_t leaves = w_.plan.states.size();
    for (size_t k = 0; k < w_.plan.reads.size(); ++k) {
      const long slot = static_cast<long>(k / leaves);
      const size_t leaf = k % leaves;
      const Strided<T> to = w_.array(w_.plan.reads[k]), from = w_.array(w_.plan.states[leaf]);
      const Strided<const T> none = w_.missing[leaf];
      const size_t bytes = w_.widths[w_.plan.reads[k]] * sizeof(T);
      for (long r = begin; r < end; ++r) {
        const long child = t.children[r * t.slots + slot];
        const T* source = child < t.nodes ? from.data + child * from.row_stride : none.data + t.tree[r] * none.row_stride;
        std::memcpy(to.data + r * to.row_stride, source, bytes);
      }
    }
  }

  void slots_back(long begin, long end) const {
    const Trees& t = w_.trees;
    const size_t leaves = w_.plan.states.size();
    for (size_t k = 0; k < w_.plan.reads.size(); ++k) {
      if (w_.plan.reads[k] < 0) continue;
      const long slot = static_cast<long>(k / leaves);
      const Strided<T> from = w_.array(w_.plan.reads[k]), to = w_.array(w_.plan.states[k % leaves]);
      const long width = w_.widths[w_.plan.reads[k]];
      for (long r = begin; r < end; ++r) {
        const long child = t.children[r * t.slots + slot];
        if (child < t.nodes) add(width, from.data + r * from.row_stride, to.data + child * to.row_stride);
      }
    }
  }

  void edges_on(long begin, long end, Runner<T>& edge) const {
    const Trees& t = w_.trees;
    const long first = t.first[begin], last = t.first[end];
    for (size_t j = 0; j < w_.plan.states.size(); ++j) {
      const Strided<T> to = w_.edge_array(w_.plan.edge_states[j]), from = w_.array(w_.plan.states[j]);
      const size_t bytes = w_.edge_widths[w_.plan.edge_states[j]] * sizeof(T);
      for (long e = first; e < last; ++e)
        std::memcpy(to.data + e * to.row_stride, from.data + t.child[e] * from.row_stride, bytes);
    }
    edge.run(first, last, false, false);
    for (size_t k = 0; k < w_.plan.reads.size(); ++k) {
      const Strided<T> to = w_.array(w_.plan.reads[k]), from = w_.edge_array(w_.plan.edge_sums[k]);
      const long width = w_.widths[w_.plan.reads[k]];
      for (long r = begin; r < end; ++r) {
        T* sum = to.data + r * to.row_stride;
        std::fill_n(sum, width, T(0));
        for (long e = t.first[r]; e < t.first[r + 1]; ++e) add(width, from.data + e * from.row_stride, sum);
      }
    }
  }

  void edges_back(long begin, long end, Runner<T>& edge) const {
    const Trees& t = w_.trees;
    const long first = t.first[begin], last = t.first[end];
    for (size_t k = 0; k < w_.plan.reads.size(); ++k) {
      const Strided<T> to = w_.edge_array(w_.plan.edge_sums[k]);
      const long width = w_.edge_widths[w_.plan.edge_sums[k]];
      const bool none = w_.plan.reads[k] < 0;
      // one value may be several of the sums
      const bool again = std::find(w_.plan.edge_sums.begin(), w_.plan.edge_sums.begin() + k, w_.plan.edge_sums[k]) !=
                         w_.plan.edge_sums.begin() + static_cast<long>(k);
      if (none && again) continue;
      const Strided<T> from = none ? Strided<T>{nullptr, 0} : w_.array(w_.plan.reads[k]);
      for (long e = first; e < last; ++e) {
        T* row = to.data + e * to.row_stride;
        if (none)
          std::fill_n(row, width, T(0));
        else if (again)
          add(width, from.data + t.parent[e] * from.row_stride, row);
        else
          std::memcpy(row, from.data + t.parent[e] * from.row_stride, width * sizeof(T));
      }
    }
    edge.run(first, last, false, false);
    for (size_t j = 0; j < w_.plan.states.size(); ++j) {
      if (w_.plan.edge_states[j] < 0) continue;
      const Strided<T> from = w_.edge_array(w_.plan.edge_states[j]), to = w_.array(w_.plan.states[j]);
      const long width = w_.edge_widths[w_.plan.edge_states[j]];
      for (long e = first; e < last; ++e)
        add(width, from.data + e * from.row_stride, to.data + t.child[e] * to.row_stride);
    }
  }

  static void add(long width, const T* x, T* to) {
    for (long n = 0; n < width; ++n) to[n] += x[n];
  }

  const Work<T>& w_;
  const long first_, last_;
  Companions* companions_;
};

// Trees in shares of about as many nodes, boundaries at multiples of `each`.
std::vector<long> share(const Trees& trees, int shares, long each) {
  std::vector<long> sizes(trees.count, 0);
  for (long r = 0; r < trees.nodes; ++r) ++sizes[trees.tree[r]];
  std::vector<long> bounds{0};
  long left = trees.nodes, tree = 0;
  while (tree < trees.count) {
    const long shares_left = std::max<long>(1, shares - static_cast<long>(bounds.size()) + 1), goal = left / shares_left;
    long nodes = 0;
    const long first = tree;
    while (tree < trees.count) {
      const long end = std::min(trees.count, tree + each);
      long more = 0;
      for (long t = tree; t < end; ++t) more += sizes[t];
      // what brings the share nearer to its goal belongs to it
      if (tree > first && shares_left > 1 && nodes + more / 2 > goal) break;
      nodes += more;
      tree = end;
    }
    left -= nodes;
    bounds.push_back(tree);
  }
  return bounds;
}

std::vector<char> marks(const std::vector<int>& numbers, size_t count) {
  std::vector<char> marked(count, 0);
  for (int number : numbers) {
    if (number < 0 || static_cast<size_t>(number) >= count) refuse("a line that does not exist");
    marked[number] = 1;
  }
  return marked;
}

template <class T>
void check_arrays(const ForestPlan& p, const Trees& trees, const Call<T>& node, const Call<T>* edge) {
  const auto widths = [&](const Call<T>& call, const std::vector<int>& numbers, const std::vector<int>& others,
                          const Call<T>& of, size_t period) {
    for (size_t k = 0; k < numbers.size(); ++k) {
      const int one = numbers[k], other = others[k % period];
      if (one < 0 && p.backward) continue;
      if (one < 0 || static_cast<size_t>(one) >= call.widths().size() || other < 0 ||
          static_cast<size_t>(other) >= of.widths().size() || call.widths()[one] != of.widths()[other])
        refuse("an array that does not exist or is of another width");
    }
  };
  const size_t leaves = p.states.size();
  if (leaves == 0 || p.reads.empty()) refuse("no states");
  if (trees.slots > 0) {
    if (edge || p.reads.size() != leaves * trees.slots) refuse("wrong number of states");
    widths(node, p.reads, p.states, node, leaves);
  } else {
    if (!edge || p.edge_states.size() != leaves || p.edge_sums.size() != p.reads.size()) refuse("wrong number of sums");
    widths(*edge, p.edge_states, p.states, node, leaves);
    widths(node, p.reads, p.edge_sums, *edge, p.reads.size());
  }
}

}  // namespace

void Trees::check() const {
  long rows = 0;
  std::vector<long> offsets;
  for (long l = 0; l < levels; ++l) {
    if (level_sizes[l] < 1) refuse("a level without nodes");
    offsets.push_back(rows);
    rows += level_sizes[l];
  }
  if (rows != nodes || nodes < 1) refuse("levels that are not all nodes");
  if (slots == 0 && (first[0] != 0 || first[nodes] != edges)) refuse("edges");
  for (long l = 0; l < levels; ++l) {
    const long begin = offsets[l], end = begin + level_sizes[l];
    for (long r = begin; r < end; ++r) {
      if (tree[r] < 0 || tree[r] >= count || (r > begin && tree[r] < tree[r - 1])) refuse("trees out of order");
      const auto below = [&](int64_t row) {
        if (row < 0 || row >= begin || tree[row] != tree[r]) refuse("a child that is not below its parent");
      };
      for (long s = 0; s < slots; ++s)
        if (children[r * slots + s] != nodes) below(children[r * slots + s]);
      if (slots == 0) {
        if (first[r + 1] < first[r] || first[r + 1] > edges) refuse("edges");
        for (long e = first[r]; e < first[r + 1]; ++e) {
          below(child[e]);
          if (parent[e] != r) refuse("edges");
        }
      }
    }
  }
}

template <class T>
CallSeconds run_forest(const Trees& trees, const ForestPlan& plan, const Call<T>& node, const CallArguments<T>& with,
                       const std::vector<long>& first_rows, const Call<T>* edge, const CallArguments<T>& edge_with,
                       const std::vector<long>& edge_first_rows, const std::vector<Strided<const T>>& missing,
                       int threads) {
  trees.check();
  check_arrays(plan, trees, node, edge);
  if (trees.slots > 0 && !plan.backward && missing.size() != plan.states.size()) refuse("nothing for empty slots");
  std::vector<long> offsets{0};
  for (long l = 0; l < trees.levels; ++l) offsets.push_back(offsets.back() + trees.level_sizes[l]);
  const long each = pieces(trees.count, most_groups), groups = pieces(trees.count, each);

  const auto summed = [&](const LoopProgram& p) {
    std::vector<std::vector<T>> sums;
    for (int width : p.totals) sums.emplace_back(groups * width, T(0));
    return sums;
  };
  const auto finish = [&](const LoopProgram& p, const std::vector<std::vector<T>>& sums, const std::vector<T*>& totals) {
    for (size_t o = 0; o < p.totals.size(); ++o) {
      std::fill_n(totals[o], p.totals[o], T(0));
      kernels<T>().add_rows(sums[o].data(), p.totals[o], groups, p.totals[o], totals[o]);
    }
  };

  const auto loop = [&](const LoopArrays<T>& of, const LoopArrays<T>* of_edge) {
    const LoopProgram& p = node.interpreter().code;
    long numbers = 0, largest = 0, more = 0, largest_of_edge = 0;
    const std::vector<Packed<T>> packed = packed_weights<T>(p, of.weights, threads, numbers, largest);
    std::vector<Packed<T>> packed_of_edge;
    std::vector<std::vector<T>> sums = summed(p), sums_of_edge;
    const Side<T> side{node.interpreter(), of,   packed,
                       with.vectors,       nullptr, sums,
                       marks(plan.same_lines, p.lines.size()), marks(plan.idle_lines, p.lines.size()), most_rows<T>(p)};
    std::vector<Side<T>> sides;
    if (edge) {
      const LoopProgram& q = edge->interpreter().code;
      packed_of_edge = packed_weights<T>(q, of_edge->weights, threads, more, largest_of_edge);
      sums_of_edge = summed(q);
      sides.push_back({edge->interpreter(), *of_edge, packed_of_edge, edge_with.vectors, trees.parent, sums_of_edge,
                       marks({}, q.lines.size()), marks({}, q.lines.size()), most_rows<T>(q)});
    }
    const std::vector<int> none;
    const Work<T> work{trees, plan,          offsets, side, edge ? &sides[0] : nullptr,
                       node.widths(), edge ? edge->widths() : none, missing, each};
    const std::vector<long> bounds = share(trees, threads, each);
    const int shares = static_cast<int>(bounds.size()) - 1;
    const long rows = pieces(trees.nodes, trees.levels);
    if (shares == 1 && threads > 1 && std::max(largest, largest_of_edge) * rows >= worth_sharing) {
      // too few trees to be shared out: the products of each level are
      const CompanionsGuard companions(threads, static_cast<double>(numbers + more) * trees.nodes >= long_call);
      Share<T>(work, 0, trees.count, companions.get()).run();
    } else {
      run_tasks(shares, threads, [&](int i) { Share<T>(work, bounds[i], bounds[i + 1], nullptr).run(); });
    }
    finish(p, sums, with.totals);
    if (edge) finish(edge->interpreter().code, sums_of_edge, edge_with.totals);
  };

  if (!edge)
    return node.around(0, trees.nodes, with, first_rows, threads, [&](const LoopArrays<T>& of) { loop(of, nullptr); });
  CallSeconds inner;
  CallSeconds seconds = node.around(0, trees.nodes, with, first_rows, threads, [&](const LoopArrays<T>& of) {
    inner = edge->around(0, trees.edges, edge_with, edge_first_rows, threads,
                         [&](const LoopArrays<T>& of_edge) { loop(of, &of_edge); });
  });
  seconds.before += inner.before;
  seconds.loop = inner.loop;
  seconds.after += inner.after;
  return seconds;
}

template CallSeconds run_forest(const Trees&, const ForestPlan&, const Call<float>&, const CallArguments<float>&,
                                const std::vector<long>&, const Call<float>*, const CallArguments<float>&,
                                const std::vector<long>&, const std::vector<Strided<const float>>&, int);
template CallSeconds run_forest(const Trees&, const ForestPlan&, const Call<double>&, const CallArguments<double>&,
                                const std::vector<long>&, const Call<double>*, const CallArguments<double>&,
                                const std::vector<long>&, const std::vector<Strided<const double>>&, int);

}  // namespace recurra
