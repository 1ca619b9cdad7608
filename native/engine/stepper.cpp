#include "stepper.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "buffer.h"
#include "companions.h"
#include "interpreter.h"
#include "pieces.h"
#include "pool.h"

namespace recurra {
namespace {

// Streams that one worker takes at a time, and rows of a block that products see at once: enough to read a
// weight from the cache once for many rows, few enough that the rows stay there too.
constexpr long group_streams = 64;
constexpr long block_rows = 48;
// Below so many multiply-adds, waking another thread costs more than it brings.
constexpr double worth_a_thread = 1e6;

}  // namespace

// What a segment is for all workers: its program made ready, weights packed.
class Stepper::Segment {
 public:
  Segment(const SegmentSpec& spec, WeightKind kind)
      : interpreter(spec.program), inputs(spec.inputs), outputs(spec.outputs), hoisted(spec.hoisted) {
    check(spec);
    const LoopProgram& p = spec.program;
    for (size_t w = 0; w < spec.weights.size(); ++w) {
      Packed<float>& weight = weights.emplace_back(spec.sizes[w].first, spec.sizes[w].second, kind);
      weight.pack(spec.weights[w], 0, weight.panels());
    }
    for (size_t v = 0; v < spec.vectors.size(); ++v) {
      copies_.emplace_back(spec.vectors[v], spec.vectors[v] + p.vectors[v]);
      vectors.push_back(copies_.back().data());
    }
  }

  // Whether all that this segment does is one product, after or beside which the loop begins with one of a state,
  // as wide: column by column, the two can then be computed together.
  bool pairs_with(const Segment& loop) const {
    if (!interpreter.lines.empty() || hoisted.size() != 1 || !loop.hoisted.empty() || loop.interpreter.lines.empty())
      return false;
    const HoistedProduct& h = hoisted[0];
    const SlotLine<float>& line = loop.interpreter.lines[0];
    if (line.call || loop.weights[line.weight].width() != weights[h.weight].width() || weights[h.weight].panels() < 2)
      return false;
    const SlotLayout& slots = loop.interpreter.layout;
    const bool of_state = line.a.slot >= slots.first_state && line.a.slot < slots.first_output;
    const bool of_input = line.c.slot >= 0 && line.c.slot < slots.first_state;
    const bool adds_it = of_input && loop.inputs[line.c.slot] == inputs[h.into] && line.c.column == 0;
    return of_state && (line.c.slot < 0 || adds_it);
  }

  const LoopProgram& code() const { return interpreter.code; }

  const Interpreter<float> interpreter;
  const std::vector<int> inputs, outputs;  // arrays
  const std::vector<HoistedProduct> hoisted;
  std::vector<Packed<float>> weights;
  std::vector<const float*> vectors;

 private:
  static void check(const SegmentSpec& spec) {
    const LoopProgram& p = spec.program;
    if (spec.inputs.size() != p.inputs.size() || spec.outputs.size() != p.outputs.size() ||
        spec.vectors.size() != p.vectors.size() || spec.weights.size() != spec.sizes.size() ||
        spec.sizes.size() < p.weights.size() || !p.totals.empty())
      throw std::invalid_argument("stepper: lists of a wrong length");
    for (size_t w = 0; w < p.weights.size(); ++w)
      if (p.weights[w] != spec.sizes[w]) throw std::invalid_argument("stepper: a weight's size");
    for (const Matrix<const float>& weight : spec.weights)
      if (!weight.data) throw std::invalid_argument("stepper: a weight without numbers");
    for (const float* vector : spec.vectors)
      if (!vector) throw std::invalid_argument("stepper: a vector without numbers");
    const auto in = [](int index, size_t count) { return index >= 0 && index < static_cast<int>(count); };
    for (const HoistedProduct& h : spec.hoisted)
      if (!in(h.source, p.inputs.size()) || !in(h.into, p.inputs.size()) || !in(h.weight, spec.sizes.size()) ||
          (h.vector != -1 && !in(h.vector, p.vectors.size())) || h.start < 0 ||
          h.start + spec.sizes[h.weight].first > p.inputs[h.source] ||
          p.inputs[h.into] != spec.sizes[h.weight].second ||
          (h.vector != -1 && p.vectors[h.vector] != p.inputs[h.into]))
        throw std::invalid_argument("stepper: a hoisted product");
  }

  std::vector<std::vector<float>> copies_;  // of vectors
};

// Runs a group of streams, in memory of its own.
class Worker {
 public:
  Worker(const Stepper& owner, long streams)
      : owner_(owner), spec_(owner.spec_), rows_(std::max(block_rows, streams)) {
    const auto memory = [this](long numbers) {
      buffers_.push_back(allocate<float>(numbers));
      return buffers_.back().get();
    };
    for (int width : spec_.arrays) arrays_.push_back(memory(rows_ * width));
    data_.resize(arrays_.size());
    for (const auto& segment : owner.segments_) {
      const std::vector<int>& states = segment->code().states;
      frames_.push_back(segment->interpreter.frame(rows_, segment->vectors, memory));
      for (size_t j = 0; j < states.size(); ++j) {
        frames_.back().slots[segment->interpreter.layout.first_next + j].data = memory(rows_ * states[j]);
        gathered_.push_back(memory(streams * states[j]));
      }
    }
    if (spec_.loop >= 0) states_ = frames_[spec_.loop].slots.data() + segment(spec_.loop).interpreter.layout.first_state;
  }

  // Streams rows[first .. first + count), or [first, first + count) when rows is null. Companions may be null.
  void run(const void* x, float* y, long steps, const int64_t* rows, long first, long count, Companions* companions) {
    companions_ = companions;
    x_ = x;
    y_ = y;
    steps_ = steps;
    first_ = first;
    count_ = count;
    for (size_t j = 0; j < spec_.states.size(); ++j) {
      const long width = states_[j].row_stride;
      float* own = spec_.states[j];
      if (rows)
        for (long r = 0; r < count; ++r)
          std::memcpy(gathered_[j] + r * width, own + rows[first + r] * width, width * sizeof(float));
      states_[j].data = rows ? gathered_[j] : own + first * width;
    }
    // blocks as even as can be
    const long blocks = pieces(steps, std::max<long>(1, rows_ / count));
    for (long k = 0, done = 0; k < blocks; ++k) {
      const long now = (steps * (k + 1)) / blocks - done;
      if (k > 0) stop_point();
      block(done, now);
      done += now;
    }
    for (size_t j = 0; rows && j < spec_.states.size(); ++j) {
      const long width = states_[j].row_stride;
      for (long r = 0; r < count; ++r)
        std::memcpy(spec_.states[j] + rows[first + r] * width, gathered_[j] + r * width, width * sizeof(float));
    }
  }

 private:
  const Stepper::Segment& segment(size_t k) const { return *owner_.segments_[k]; }

  // Steps [done, done + now): arrays hold step by step, streams side by side.
  void block(long done, long now) {
    for (size_t i = 0; i < arrays_.size(); ++i) data_[i] = arrays_[i];
    for (const InputSource& source : spec_.sources) read(source, done, now);
    const bool direct = count_ == 1 && !is_source(spec_.y);
    if (direct) data_[spec_.y] = y_ + (first_ * steps_ + done) * owner_.y_width();
    size_t paired = 0;
    if (now == 1 && owner_.pair_ && companions_ && companions_->awake()) {
      first_pair();
      paired = 1;
    }
    for (size_t k = paired; k < frames_.size(); ++k) {
      for (const HoistedProduct& h : segment(k).hoisted)
        multiply(segment(k).weights[h.weight], hoisted(k, h, now * count_), companions_);
      if (static_cast<int>(k) != spec_.loop) {
        lines(k, 0, now * count_, 0);
        continue;
      }
      for (long t = 0; t < now; ++t) {
        lines(k, t * count_, count_, paired);
        advance();
      }
    }
    if (direct) return;
    const long width = owner_.y_width();
    for (long r = 0; r < count_; ++r)
      for (long t = 0; t < now; ++t)
        std::memcpy(y_ + ((first_ + r) * steps_ + done + t) * width, data_[spec_.y] + (t * count_ + r) * width,
                    width * sizeof(float));
  }

  bool is_source(int array) const {
    for (const InputSource& source : spec_.sources)
      if (source.array == array) return true;
    return false;
  }

  void read(const InputSource& source, long done, long now) {
    const long width = spec_.arrays[source.array];
    float* to = arrays_[source.array];
    if (source.table) {
      const int64_t* ids = static_cast<const int64_t*>(x_);
      for (long t = 0; t < now; ++t)
        for (long r = 0; r < count_; ++r)
          std::memcpy(to + (t * count_ + r) * width, source.table + ids[(first_ + r) * steps_ + done + t] * width,
                      width * sizeof(float));
      return;
    }
    const float* x = static_cast<const float*>(x_);
    if (count_ == 1) {
      data_[source.array] = const_cast<float*>(x + (first_ * steps_ + done) * width);  // only read
      return;
    }
    for (long t = 0; t < now; ++t)
      for (long r = 0; r < count_; ++r)
        std::memcpy(to + (t * count_ + r) * width, x + ((first_ + r) * steps_ + done + t) * width,
                    width * sizeof(float));
  }

  // A product of a whole input, for all rows of the block at once.
  ProductArguments<float> hoisted(size_t k, const HoistedProduct& h, long rows) const {
    const Stepper::Segment& s = segment(k);
    const std::vector<int>& widths = s.code().inputs;
    return {rows, {data_[s.inputs[h.source]] + h.start, widths[h.source]}, {data_[s.inputs[h.into]], widths[h.into]},
            h.vector < 0 ? nullptr : s.vectors[h.vector], {nullptr, 0}};
  }

  // The product of the input and the loop's first, for one step, shared at once: see Stepper::pair_.
  void first_pair() {
    const Stepper::Segment &input = segment(0), &loop = segment(1);
    const HoistedProduct& h = input.hoisted[0];
    const SlotLine<float>& line = loop.interpreter.lines[0];
    const Packed<float>&one = input.weights[h.weight], &two = loop.weights[line.weight];
    const long each = companions_->panels_each(one.panels(), (one.work() + two.work()) * count_);
    place(1, 0);
    const SharedPair<float> pair{{one, hoisted(0, h, count_), each},
                                 {two, loop.interpreter.product(frames_[1], line, count_), each}};
    companions_->share(static_cast<int>(pieces(one.panels(), each)), SharedPair<float>::piece, &pair);
  }

  // Inputs and outputs as they stand at row `first` of the block.
  void place(size_t k, long first) {
    const Stepper::Segment& s = segment(k);
    const LoopProgram& p = s.code();
    std::vector<Strided<float>>& slots = frames_[k].slots;
    for (size_t i = 0; i < p.inputs.size(); ++i) slots[i].data = data_[s.inputs[i]] + first * p.inputs[i];
    for (size_t i = 0; i < p.outputs.size(); ++i)
      slots[s.interpreter.layout.first_output + i].data = data_[s.outputs[i]] + first * p.outputs[i];
  }

  // The lines from number `begin` on, for rows [first, first + rows) of the block.
  void lines(size_t k, long first, long rows, size_t begin) {
    place(k, first);
    segment(k).interpreter.step(frames_[k], segment(k).weights, rows, companions_, NoTotals{}, begin);
  }

  // The loop's states take their next values.
  void advance() {
    const Stepper::Segment& loop = segment(spec_.loop);
    const std::vector<Place>& next = loop.code().next;
    const SlotLayout& layout = loop.interpreter.layout;
    const std::vector<Strided<float>>& slots = frames_[spec_.loop].slots;
    for (size_t j = 0; j < next.size(); ++j) {
      const Place from = next[j];
      if (from.space == Space::state) continue;
      const Strided<float>& values =
          slots[(from.space == Space::output ? layout.first_output : layout.first_next) + from.index];
      const auto [to, width] = states_[j];
      for (long r = 0; r < count_; ++r)
        std::memcpy(to + r * width, values.data + from.column + r * values.row_stride, width * sizeof(float));
    }
  }

  const Stepper& owner_;
  const StepperSpec& spec_;
  const long rows_;  // that there is memory for
  Companions* companions_ = nullptr;
  std::vector<Buffer<float>> buffers_;
  std::vector<float*> arrays_, gathered_;  // of `spec_`; states of the streams of a run
  std::vector<float*> data_;               // arrays as a block sees them
  std::vector<Frame<float>> frames_;       // of segments
  Strided<float>* states_ = nullptr;       // slots of the loop's
  const void* x_ = nullptr;
  float* y_ = nullptr;
  long steps_ = 0, first_ = 0, count_ = 0;
};

Stepper::Stepper(StepperSpec spec) : spec_(std::move(spec)) {
  if (spec_.streams < 1 || spec_.sources.empty()) throw std::invalid_argument("stepper: no stream or no input");
  const auto array = [&](int index, int width) {
    if (index < 0 || index >= static_cast<int>(spec_.arrays.size()) || (width > 0 && spec_.arrays[index] != width))
      throw std::invalid_argument("stepper: no such array, or of another width");
  };
  for (int width : spec_.arrays)
    if (width < 1) throw std::invalid_argument("stepper: an array without columns");
  array(spec_.y, 0);
  for (const InputSource& source : spec_.sources) {
    array(source.array, 0);
    if ((source.table != nullptr) != reads_ids()) throw std::invalid_argument("stepper: ids are read from tables");
  }
  for (const SegmentSpec& segment : spec_.segments) {
    for (size_t i = 0; i < segment.inputs.size(); ++i) array(segment.inputs[i], segment.program.inputs.at(i));
    for (size_t i = 0; i < segment.outputs.size(); ++i) array(segment.outputs[i], segment.program.outputs.at(i));
    segments_.push_back(std::make_unique<Segment>(segment, spec_.kind));
    const auto count_work = [&](int weight) {
      const long work = segments_.back()->weights[weight].work();
      work_ += work;
      largest_ = std::max(largest_, work);
    };
    for (const Line& line : segment.program.lines)
      if (line.op == Line::product) count_work(line.weight);
    for (const HoistedProduct& h : segment.hoisted) count_work(h.weight);
  }
  const int count = static_cast<int>(segments_.size());
  for (int k = 0; k < count; ++k)
    if (k != spec_.loop && !segments_[k]->code().states.empty())
      throw std::invalid_argument("stepper: states outside the loop");
  pair_ = count > 1 && spec_.loop == 1 && segments_[0]->pairs_with(*segments_[1]);
  const size_t states = spec_.loop < 0 ? 0 : segments_.at(spec_.loop)->code().states.size();
  if (spec_.states.size() != states) throw std::invalid_argument("stepper: one memory for each state");
  for (const float* state : spec_.states)
    if (!state) throw std::invalid_argument("stepper: no memory for a state");
  const long groups =
      std::max(pieces(spec_.streams, group_streams), std::min<long>(std::max(1, spec_.threads), spec_.streams));
  const long most = std::min(spec_.streams, group_streams);
  for (long g = 0; g < groups; ++g) workers_.push_back(std::make_unique<Worker>(*this, most));
  marked_.assign(spec_.streams, 0);
  spec_.segments.clear();  // read; their tensors need live no longer
}

Stepper::~Stepper() = default;

long Stepper::weight_bytes() const {
  long bytes = 0;
  for (const auto& segment : segments_)
    for (const Packed<float>& weight : segment->weights) bytes += weight.bytes();
  return bytes;
}

// A copy of all states, put back unless the run came to its end.
class Stepper::StatesCopy {
 public:
  explicit StatesCopy(const Stepper& of) : of_(of) {
    for (size_t j = 0; j < of.spec_.states.size(); ++j)
      copies_.emplace_back(of.spec_.states[j], of.spec_.states[j] + numbers(j));
  }
  ~StatesCopy() {
    for (size_t j = 0; j < copies_.size(); ++j) std::copy(copies_[j].begin(), copies_[j].end(), of_.spec_.states[j]);
  }
  void forget() { copies_.clear(); }

 private:
  long numbers(size_t j) const { return of_.spec_.streams * of_.segments_[of_.spec_.loop]->code().states[j]; }

  const Stepper& of_;
  std::vector<std::vector<float>> copies_;
};

void Stepper::run(const Turn& mine, const void* x, float* y, long steps, const int64_t* rows, long count) {
  if (!mine.owns_lock()) throw std::logic_error("stepper: a run out of turn");
  if (steps <= 0 || count <= 0) return;
  if (reads_ids()) {
    const int64_t* ids = static_cast<const int64_t*>(x);
    for (long i = 0; i < steps * count; ++i)
      if (ids[i] < 0 || ids[i] >= spec_.tokens)
        throw std::out_of_range("token id " + std::to_string(ids[i]) + ", expected 0 to " +
                                std::to_string(spec_.tokens - 1));
  }
  if (rows) {
    const char* fault = nullptr;
    long k = 0;
    for (; k < count && !fault; ++k) {
      if (rows[k] < 0 || rows[k] >= spec_.streams)
        fault = "is not one of the streams";
      else if (marked_[rows[k]])
        fault = "is given twice";
      else
        marked_[rows[k]] = 1;
    }
    const long marked = fault ? k - 1 : k;
    for (long i = 0; i < marked; ++i) marked_[rows[i]] = 0;
    if (fault) throw std::out_of_range("stream " + std::to_string(rows[k - 1]) + " " + fault);
  } else if (count != spec_.streams) {
    throw std::invalid_argument("stepper: rows for some streams without saying which");
  }
  const double work = work_of(steps, count);
  if (work < worth_stopping) return work_through(x, y, steps, rows, count, work);
  StatesCopy copy(*this);
  work_through(x, y, steps, rows, count, work);
  copy.forget();
}

void Stepper::work_through(const void* x, float* y, long steps, const int64_t* rows, long count, double work) {
  long groups = pieces(count, group_streams);
  const int threads = work < 2 * worth_a_thread ? 1 : spec_.threads;
  if (threads > 1) groups = std::max(groups, std::min<long>({threads, count, static_cast<long>(work / worth_a_thread)}));
  if (groups == 1) {
    if (spec_.threads > 1 && largest_ * count >= worth_sharing) {
      const CompanionsGuard companions(spec_.threads, work >= long_call);
      workers_[0]->run(x, y, steps, rows, 0, count, companions.get());
    } else {
      workers_[0]->run(x, y, steps, rows, 0, count, nullptr);
    }
    return;
  }
  run_tasks(static_cast<int>(groups), threads, [&](int g) {
    const long first = count * g / groups;
    workers_[g]->run(x, y, steps, rows, first, count * (g + 1) / groups - first, nullptr);
  });
}

}  // namespace recurra
