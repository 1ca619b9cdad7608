// One run of a loop with the large products around it: products of inputs before it; gradients of weights and
// inputs, and sums, after it. Which array is multiplied with which is planned beforehand; a run brings addresses.
//
// Arrays have N rows, one for each row of the batch at each step, packed step by step, the longest row of the batch
// first: N is the sum of `batch_sizes`. Within a plan they go by number: first those that are tensors of the caller,
// then those in each buffer in turn. Widths, strides and places of columns count numbers, not bytes.
#pragma once
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "driver.h"
#include "matrix.h"

namespace recurra {

// out[:, out_start:] = x[:, start : start + depth] @ weight + vector, or added to what is there. Columns that it does
// not write stay.
struct Product {
  int x, start, depth;  // an array, and columns of it
  int weight;
  bool transposed;  // the weight is taken so
  int vector;       // -1: none
  int out, out_start;
  bool add;
};

// The gradient of a weight: x[:, start : start + depth]^T @ gradient, or added to what an earlier one made of the
// same weight. `depth` is the weight's.
struct GradientProduct {
  int x, start;
  int gradient;  // an array: of what the weight made
  int weight;
  bool add;
};

struct CallPlan {
  std::vector<int> tensors;               // widths of the arrays that are tensors of the caller
  std::vector<std::vector<int>> buffers;  // widths of the arrays in each buffer, [N, width] one after the other
  std::vector<int> inputs, outputs;       // arrays that the loop reads and writes, in the order of its program
  std::vector<int> vectors;               // widths; the loop's are the same
  std::vector<std::pair<int, int>> weights;        // depth, width
  std::vector<std::pair<int, bool>> loop_weights;  // the loop's: which, and whether it is taken transposed
  std::vector<Product> hoisted;                    // in this order, before the loop
  std::vector<GradientProduct> weight_gradients;   // after it, in this order, then the sums,
  std::vector<int> sums;                           // arrays of which the rows are summed,
  std::vector<Product> input_gradients;            // and then these in this order

  // Throws std::invalid_argument unless every number exists and every shape fits, those of the loop too.
  void check(const LoopProgram& loop) const;
};

// What a run brings, each in the order of the plan. All memory is the caller's, and has to live until the run is over.
// What is written must not overlap anything else; what is only read may overlap. Nothing has to be set beforehand but
// what is read, and what `add` adds to.
template <class T>
struct CallArguments {
  std::vector<Strided<T>> tensors;        // [N, width]; outputs of the loop and of products are written, the former
                                          // have no gaps between rows
  std::vector<T*> buffers;                // N times the sum of their widths, read and written
  std::vector<Strided<const T>> initial;  // states before the first step, [B, width]
  std::vector<Matrix<const T>> weights;   // [depth, width], of any strides
  std::vector<const T*> vectors;          // [width]
  std::vector<T*> finals;                 // written: states after each row's last step, [B, width] without gaps
  std::vector<T*> totals;                 // written: the loop's, [width]
  std::vector<Matrix<T>> gradients;       // written: [depth, width] of each weight, rows or columns whole; null where
                                          // the plan makes none. Empty where it makes none at all.
  std::vector<T*> sums;                   // written: [width]
};

struct CallSeconds {
  double before = 0, loop = 0, after = 0;
};

// What the loop of a call reads and writes.
template <class T>
struct LoopArrays {
  std::vector<Strided<T>> arrays;  // all of the plan's, by number
  std::vector<Strided<const T>> inputs;
  std::vector<T*> outputs;
  std::vector<Matrix<const T>> weights;
};

// Made once, run often, from any thread.
template <class T>
class Call {
 public:
  Call(LoopProgram loop, CallPlan plan);

  // What a plan asks for around a loop that is the caller's, over arrays of `count` rows, and states of `rows`.
  // first_rows: of each gradient of a weight, the row of its arrays that it begins at, all before it giving nothing;
  // empty: at the first.
  CallSeconds around(long rows, long count, const CallArguments<T>& with, const std::vector<long>& first_rows, int threads,
                     const std::function<void(const LoopArrays<T>&)>& loop) const;

  // rows: B; batch_sizes [steps]: rows of the batch at each step, never growing, none above B.
  // reverse: from the last step to the first.
  // Throws std::invalid_argument, before anything is computed, for lists of another length than the plan's or the
  // loop's, for batch sizes that grow, for a null where numbers belong, and for rows that lie over each other.
  CallSeconds run(long rows, const int64_t* batch_sizes, long steps, bool reverse, const CallArguments<T>& with,
                  int threads) const;

  const Interpreter<T>& interpreter() const { return loop_.interpreter(); }
  const CallPlan& plan() const { return plan_; }
  const std::vector<int>& widths() const { return widths_; }

 private:
  void check(long rows, long count, const CallArguments<T>& with) const;

  Driver<T> loop_;
  CallPlan plan_;
  std::vector<int> widths_;  // of all arrays
};

}  // namespace recurra
