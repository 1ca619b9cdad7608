// Runs an encoded program over ragged rows: the one loop over time of the native engine.
#pragma once
#include <cstdint>
#include <vector>

#include "interpreter.h"
#include "matrix.h"

namespace recurra {

// The sum of `batch_sizes`. Throws std::invalid_argument unless they never grow, nor exceed `rows`, nor go below 0.
long count_rows(long rows, const int64_t* batch_sizes, long steps);

// Weights packed for products by all threads; `numbers`: multiply-adds of one row with all of them, and with the
// largest.
template <class T>
std::vector<Packed<T>> packed_weights(const LoopProgram& program, const std::vector<Matrix<const T>>& weights, int threads,
                                      long& numbers, long& largest);

// A loop over ragged rows: made once, run often, from any thread.
template <class T>
class Driver {
 public:
  explicit Driver(LoopProgram program);

  // rows: B; batch_sizes [steps]: rows at each step, never growing.
  // inputs and outputs [N, width]; initial and final [B, width], the latter written for every row;
  // outputs and finals have no gaps between rows. totals [width].
  void run(long rows, const int64_t* batch_sizes, long steps, bool reverse, const std::vector<Strided<const T>>& inputs,
           const std::vector<Strided<const T>>& initial, const std::vector<Matrix<const T>>& weights,
           const std::vector<const T*>& vectors, const std::vector<T*>& outputs, const std::vector<T*>& finals,
           const std::vector<T*>& totals, int threads) const;

  const LoopProgram& program() const { return interpreter_.code; }
  const Interpreter<T>& interpreter() const { return interpreter_; }

 private:
  Interpreter<T> interpreter_;
};

}  // namespace recurra
