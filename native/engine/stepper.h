// A causal model compiled for streaming: one call runs one step, or a block of steps, of many streams.
//
// A step is up to three segments, each an encoded program: what depends on the input alone and what is
// not fed back run over all steps of a block at once, the loop between them step by step. All segments
// read and write numbered arrays, one row a step and stream. Nothing is allocated while running.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "matrix.h"
#include "packed.h"
#include "program.h"

namespace recurra {

// A product of an input of the segment, before its lines: inputs[into] = inputs[source][start:] @ weight + vector.
struct HoistedProduct {
  int source, start, weight, vector, into;  // vector: -1 is none
};

struct SegmentSpec {
  LoopProgram program;
  std::vector<int> inputs, outputs;  // the array that each stands for
  std::vector<HoistedProduct> hoisted;
  std::vector<std::pair<int, int>> sizes;    // depth, width of every weight; those of `program` come first
  std::vector<Matrix<const float>> weights;  // copied while packing
  std::vector<const float*> vectors;         // copied
};

// Where an array of the input comes from: x itself, or rows of a table [tokens, width] by id.
struct InputSource {
  int array;
  const float* table;  // null: x
};

struct StepperSpec {
  long streams;
  int threads;
  WeightKind kind;
  long tokens;              // ids below it; 0: x is numbers
  std::vector<int> arrays;  // widths
  std::vector<InputSource> sources;
  std::vector<SegmentSpec> segments;
  int loop;                    // which segment runs step by step; -1: none
  std::vector<float*> states;  // [streams, width], the caller's memory; widths are the loop's
  int y;
};

// Multiply-adds from which a run may be stopped: some milliseconds.
constexpr double worth_stopping = 1e8;

class Worker;

class Stepper {
 public:
  explicit Stepper(StepperSpec spec);
  ~Stepper();

  // The right to run: one call has it at a time.
  using Turn = std::unique_lock<std::mutex>;
  Turn turn() { return Turn(one_at_a_time_); }
  Turn turn_if_free() { return Turn(one_at_a_time_, std::try_to_lock); }

  // x [count, steps, F] (numbers) or [count, steps] (ids, int64); y [count, steps, K]; for the streams in
  // `rows` [count], each at most once, or for all when null. Throws std::out_of_range for an id or a row that does
  // not exist, before anything has changed. A run that is stopped (see SignalCheck) leaves the states as they were; those
  // of less work than `worth_stopping` need not be.
  void run(const Turn& mine, const void* x, float* y, long steps, const int64_t* rows, long count);
  void run(const void* x, float* y, long steps, const int64_t* rows, long count) {
    run(turn(), x, y, steps, rows, count);
  }

  long streams() const { return spec_.streams; }
  long x_width() const { return spec_.tokens ? 1 : spec_.arrays[spec_.sources[0].array]; }
  long y_width() const { return spec_.arrays[spec_.y]; }
  bool reads_ids() const { return spec_.tokens > 0; }
  // Multiply-adds of one step of one stream.
  long work() const { return work_; }
  // Of a run.
  double work_of(long steps, long count) const { return static_cast<double>(work_) * count * steps; }
  long weight_bytes() const;

 private:
  friend class Worker;
  class Segment;
  class StatesCopy;
  void work_through(const void* x, float* y, long steps, const int64_t* rows, long count, double work);
  StepperSpec spec_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<char> marked_;  // streams that `rows` named already
  std::mutex one_at_a_time_;
  long work_ = 0, largest_ = 0;
  bool pair_ = false;  // see Segment::pairs_with
};

}  // namespace recurra
