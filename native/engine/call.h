// One run of a loop with the large products around it: products of inputs before it; gradients of weights and
// inputs, and sums, after it. Which array is multiplied with which is known beforehand; a call brings addresses.
#pragma once
#include <utility>
#include <vector>

#include "driver.h"
#include "matrix.h"

namespace recurra {

// Arrays [N, width] have numbers: those that the caller gives, then those of each room in turn.

// out[:, out_start:] = x[:, start : start + depth] @ weight + vector, or added to what is there.
// The weight may be taken transposed; a vector of -1 is none.
struct Times {
  int x, start, depth;
  int weight;
  bool transposed;
  int vector, out, out_start;
  bool add;
};

// The gradient of a weight = x[:, start : start + depth]^T @ gradient, or added to what an earlier one made.
struct WeightGradient {
  int x, start, gradient, weight;
  bool add;
};

struct CallPlan {
  std::vector<int> given;               // widths of the caller's arrays
  std::vector<std::vector<int>> rooms;  // widths of the arrays of each room, which lie one after the other
  std::vector<int> inputs, outputs;     // the loop's, as numbers of arrays
  std::vector<int> vectors;             // widths
  std::vector<std::pair<int, int>> weights;        // depth, width
  std::vector<std::pair<int, bool>> loop_weights;  // the loop's: which, transposed
  std::vector<Times> before, after;
  std::vector<WeightGradient> gradients;
  std::vector<int> sums;  // arrays whose rows are summed

  // Throws std::invalid_argument unless every number exists and every shape fits, those of the loop too.
  void check(const LoopProgram& loop) const;
};

// What a call brings, in the order of the plan.
template <class T>
struct CallArguments {
  std::vector<Strided<T>> arrays;
  std::vector<T*> rooms;
  std::vector<Strided<const T>> states;
  std::vector<Matrix<const T>> weights;
  std::vector<const T*> vectors;
  std::vector<T*> finals, totals;
  // Of every weight, or of none; null where none is made. Rows or columns lie whole.
  std::vector<Matrix<T>> gradients;
  std::vector<T*> sums;
};

struct CallSeconds {
  double before = 0, loop = 0, after = 0;
};

template <class T>
class Call {
 public:
  // The loop must outlive it.
  Call(const Driver<T>& loop, CallPlan plan);

  CallSeconds run(long rows, const int64_t* batch_sizes, long steps, bool reverse, const CallArguments<T>& with,
                  int threads) const;

 private:
  const Driver<T>& loop_;
  CallPlan plan_;
  std::vector<int> widths_;  // of all arrays
};

}  // namespace recurra
