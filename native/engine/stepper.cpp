#include "stepper.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "companions.h"
#include "levels.h"
#include "quantised.h"
#include "pick.h"
#include "pool.h"

namespace recurra {
namespace {

constexpr long tile_numbers = 1024;  // as in driver.cpp
// Streams that one worker takes at a time, and rows of a block that products see at once: enough to read a
// weight from the cache once for many rows, few enough that the rows stay there too.
constexpr long group_streams = 64;
constexpr long block_rows = 48;
// Below so many multiply-adds, waking another thread costs more than it brings.
constexpr double worth_a_thread = 1e6;

long pieces(long total, long piece) { return (total + piece - 1) / piece; }

// A weight matrix, packed once.
class Packed {
 public:
  Packed(WeightKind kind, WeightView<float> w, long depth, long width)
      : kind_(kind), depth_(depth), width_(width), kernels_(kernels<float>()), quantised_(RECURRA_PICK(quantised_kernels)) {
    if (kind == WeightKind::float32) {
      full_ = allocate<float>(kernels_.packed_size(depth, width));
      kernels_.pack(w.data, w.depth_stride, w.width_stride, depth, width, 0, width, full_.get());
    } else if (kind == WeightKind::bfloat16) {
      halves_ = allocate<uint16_t>(quantised_.packed_size(depth, width));
      quantised_.pack_bfloat16(w.data, w.depth_stride, w.width_stride, depth, width, halves_.get());
    } else {
      bytes_ = allocate<int8_t>(quantised_.packed_size(depth, width));
      scales_ = allocate<float>(pieces(width, quantised_.panel) * quantised_.panel);
      quantised_.pack_int8(w.data, w.depth_stride, w.width_stride, depth, width, bytes_.get(), scales_.get());
    }
  }

  // Panels [first, last) of the product; all of them give the whole.
  void product(long first, long last, const float* a, long a_stride, long rows, float* c, long c_stride,
               const float* bias, const float* addend, long addend_stride) const {
    const long n = first * panel();
    const long width = std::min(width_, last * panel()) - n;
    c += n;
    if (bias) bias += n;
    if (addend) addend += n;
    if (kind_ == WeightKind::float32)
      kernels_.product(a, a_stride, 1, full_.get() + n * depth_, depth_, width, rows, c, c_stride, bias, addend,
                       addend_stride);
    else if (kind_ == WeightKind::bfloat16)
      quantised_.product_bfloat16(a, a_stride, halves_.get() + n * depth_, depth_, width, rows, c, c_stride, bias, addend,
                               addend_stride);
    else
      quantised_.product_int8(a, a_stride, bytes_.get() + n * (depth_ + depth_ % 2), scales_.get() + n, depth_, width, rows, c, c_stride,
                           bias, addend, addend_stride);
  }

  long panel() const { return kind_ == WeightKind::float32 ? kernels_.panel : quantised_.panel; }
  long panels() const { return pieces(width_, panel()); }
  long width() const { return width_; }
  long work() const { return depth_ * width_; }
  long bytes() const {
    return work() * (kind_ == WeightKind::float32 ? 4 : kind_ == WeightKind::bfloat16 ? 2 : 1);
  }

 private:
  WeightKind kind_;
  long depth_, width_;
  const Kernels<float>& kernels_;
  const QuantisedKernels& quantised_;
  Buffer<float> full_, scales_;
  Buffer<uint16_t> halves_;
  Buffer<int8_t> bytes_;
};

// A product cut into pieces of whole panels.
struct Shared {
  const Packed& weight;
  long panels_each;
  const float* a;
  long a_stride, rows;
  float* c;
  long c_stride;
  const float *bias, *addend;
  long addend_stride;

  static void piece(const void* context, int number) {
    const Shared& s = *static_cast<const Shared*>(context);
    const long first = number * s.panels_each;
    s.weight.product(first, std::min(s.weight.panels(), first + s.panels_each), s.a, s.a_stride, s.rows, s.c,
                     s.c_stride, s.bias, s.addend, s.addend_stride);
  }
};

// Two products of as many panels, the second of which may add the same columns of the first.
struct SharedPair {
  Shared first, second;

  static void piece(const void* context, int number) {
    const SharedPair& pair = *static_cast<const SharedPair*>(context);
    Shared::piece(&pair.first, number);
    Shared::piece(&pair.second, number);
  }
};

struct Slot {
  float* data;
  long stride;
};

struct Operand {
  int slot = -1;
  int column = 0;
  bool local = false;
};

struct Instr {
  Instruction<float> call = nullptr;  // null: a product
  long width = 0;
  Operand d, a, b, c;
  int weight = -1;
  int mode = 0;
  bool flat = false;
};

}  // namespace

// What a segment is for all workers: instructions resolved to slots, weights packed.
class Stepper::Segment {
 public:
  Segment(SegmentSpec given, WeightKind kind) : spec(std::move(given)) {
    const LoopProgram& p = spec.program;
    p.check();
    const size_t early_inputs = p.inputs.size();
    if (spec.inputs.size() != early_inputs || spec.outputs.size() != p.outputs.size() ||
        spec.vectors.size() != p.vectors.size() || spec.weights.size() != spec.sizes.size() ||
        spec.sizes.size() < p.weights.size() || !p.totals.empty())
      throw std::invalid_argument("stepper: lists of a wrong length");
    for (size_t w = 0; w < p.weights.size(); ++w)
      if (p.weights[w] != spec.sizes[w]) throw std::invalid_argument("stepper: a weight's size");
    for (const HoistedProduct& e : spec.hoisted) {
      const auto in = [&](int index, size_t count) { return index >= 0 && index < static_cast<int>(count); };
      if (!in(e.source, early_inputs) || !in(e.into, early_inputs) || !in(e.weight, spec.sizes.size()) ||
          (e.vector != -1 && !in(e.vector, p.vectors.size())) || e.start < 0 ||
          e.start + spec.sizes[e.weight].first > p.inputs[e.source] ||
          p.inputs[e.into] != spec.sizes[e.weight].second ||
          (e.vector != -1 && p.vectors[e.vector] != p.inputs[e.into]))
        throw std::invalid_argument("stepper: a hoisted product");
    }
    for (size_t w = 0; w < spec.weights.size(); ++w)
      packed.emplace_back(kind, spec.weights[w], spec.sizes[w].first, spec.sizes[w].second);
    for (size_t v = 0; v < spec.vectors.size(); ++v)
      vectors.emplace_back(spec.vectors[v], spec.vectors[v] + p.vectors[v]);
    for (double value : p.immediates) immediates.push_back(static_cast<float>(value));
    resolve();
  }

  // Whether all that this segment does is one product, after or beside which the loop begins with one of a state,
  // as wide: column by column, the two can then be computed together.
  bool pairs_with(const Segment& loop) const {
    if (!instructions.empty() || spec.hoisted.size() != 1 || !loop.spec.hoisted.empty() || loop.instructions.empty())
      return false;
    const HoistedProduct& e = spec.hoisted[0];
    const Instr& line = loop.instructions[0];
    if (line.call || loop.packed[line.weight].width() != packed[e.weight].width() || packed[e.weight].panels() < 2)
      return false;
    const bool of_state = line.a.slot >= loop.first_state && line.a.slot < loop.first_output;
    const bool of_input = line.c.slot >= 0 && line.c.slot < loop.first_state;
    const bool adds_it = of_input && loop.spec.inputs[line.c.slot] == spec.inputs[e.into] && line.c.column == 0;
    return of_state && (line.c.slot < 0 || adds_it);
  }

  SegmentSpec spec;
  std::vector<Packed> packed;
  std::vector<std::vector<float>> vectors;
  std::vector<float> immediates;
  std::vector<Instr> instructions;
  int first_state, first_output, first_next, first_temporary, first_vector, first_immediate, first_local, slots;
  long widest = 1;

 private:
  void resolve() {
    const LoopProgram& p = spec.program;
    first_state = static_cast<int>(p.inputs.size());
    first_output = first_state + static_cast<int>(p.states.size());
    first_next = first_output + static_cast<int>(p.outputs.size());
    first_temporary = first_next + static_cast<int>(p.states.size());
    first_vector = first_temporary + static_cast<int>(p.temporaries.size());
    first_immediate = first_vector + static_cast<int>(p.vectors.size());
    first_local = first_immediate + static_cast<int>(p.immediates.size());
    slots = first_local + static_cast<int>(p.locals.size());
    const Kernels<float>& k = kernels<float>();
    for (const Line& line : p.lines) {
      Instr s;
      s.width = line.width;
      s.d = place(line.d);
      s.a = place(line.a);
      s.b = place(line.b);
      s.c = place(line.c);
      s.weight = line.weight;
      if (line.op >= 0) {
        s.call = k.instruction[line.op][line.mode];
        s.mode = line.mode;
        s.flat = line.op < static_cast<int>(Op::sum);
        if (!s.call) throw std::invalid_argument("stepper: an operation without that form");
        widest = std::max<long>(widest, line.width);
      }
      instructions.push_back(s);
    }
  }

  Operand place(Place at) const {
    Operand o;
    o.column = at.column;
    switch (at.space) {
      case Space::input: o.slot = at.index; break;
      case Space::state: o.slot = first_state + at.index; break;
      case Space::output: o.slot = first_output + at.index; break;
      case Space::next: o.slot = first_next + at.index; break;
      case Space::temporary: o.slot = first_temporary + at.index; break;
      case Space::vector: o.slot = first_vector + at.index; break;
      case Space::immediate: o.slot = first_immediate + at.index; break;
      case Space::local:
        o.slot = first_local + at.index;
        o.local = true;
        break;
      default: break;
    }
    return o;
  }
};

// Runs a group of streams; holds all the room that takes.
class Worker {
 public:
  Worker(const Stepper& owner, long streams) : owner_(owner), spec_(owner.spec_) {
    const long rows = rows_ = std::max(block_rows, streams);
    for (int width : spec_.arrays) arrays_.push_back({room(rows * width), width});
    data_.resize(arrays_.size());
    for (const auto& segment : owner.segments_) frames_.push_back(frame(*segment, rows));
    if (spec_.loop >= 0)
      for (int width : owner.segments_[spec_.loop]->spec.program.states) gathered_.push_back({room(streams * width), width});
  }

  // Streams rows[first .. first + count), or [first, first + count) when rows is null. Companions may be null.
  void run(const void* x, float* y, long steps, const int64_t* rows, long first, long count, Companions* companions) {
    companions_ = companions;
    x_ = x;
    y_ = y;
    steps_ = steps;
    first_ = first;
    count_ = count;
    Stepper::Segment* loop = spec_.loop < 0 ? nullptr : owner_.segments_[spec_.loop].get();
    const size_t states = loop ? loop->spec.program.states.size() : 0;
    for (size_t j = 0; j < states; ++j) {
      const long width = loop->spec.program.states[j];
      float* own = spec_.states[j];
      if (rows)
        for (long r = 0; r < count; ++r)
          std::memcpy(gathered_[j].data + r * width, own + rows[first + r] * width, width * sizeof(float));
      frames_[spec_.loop].slots[loop->first_state + j] = {rows ? gathered_[j].data : own + first * width, width};
    }
    // blocks as even as can be
    const long blocks = pieces(steps, std::max<long>(1, rows_ / count));
    for (long k = 0, done = 0; k < blocks; ++k) {
      const long now = (steps * (k + 1)) / blocks - done;
      if (k > 0) stop_point();
      block(done, now);
      done += now;
    }
    for (size_t j = 0; rows && j < states; ++j) {
      const long width = loop->spec.program.states[j];
      for (long r = 0; r < count; ++r)
        std::memcpy(spec_.states[j] + rows[first + r] * width, gathered_[j].data + r * width, width * sizeof(float));
    }
  }

 private:
  struct Frame {
    std::vector<Slot> slots;
    long tile;
  };

  float* room(long numbers) {
    held_.push_back(allocate<float>(numbers));
    return held_.back().get();
  }

  Frame frame(Stepper::Segment& s, long rows) {
    const LoopProgram& p = s.spec.program;
    Frame f{std::vector<Slot>(s.slots), std::max<long>(1, std::min(rows, tile_numbers / s.widest))};
    for (size_t i = 0; i < p.inputs.size(); ++i) f.slots[i].stride = p.inputs[i];
    for (size_t i = 0; i < p.outputs.size(); ++i) f.slots[s.first_output + i].stride = p.outputs[i];
    for (size_t i = 0; i < p.states.size(); ++i) f.slots[s.first_next + i] = {room(rows * p.states[i]), p.states[i]};
    for (size_t i = 0; i < p.temporaries.size(); ++i)
      f.slots[s.first_temporary + i] = {room(rows * p.temporaries[i]), p.temporaries[i]};
    for (size_t i = 0; i < p.vectors.size(); ++i) f.slots[s.first_vector + i] = {s.vectors[i].data(), 0};
    for (size_t i = 0; i < p.immediates.size(); ++i) f.slots[s.first_immediate + i] = {&s.immediates[i], 0};
    for (size_t i = 0; i < p.locals.size(); ++i)
      f.slots[s.first_local + i] = {room(f.tile * p.locals[i]), p.locals[i]};
    return f;
  }

  // Steps [done, done + now): arrays hold step by step, streams side by side.
  void block(long done, long now) {
    for (size_t i = 0; i < arrays_.size(); ++i) data_[i] = arrays_[i].data;
    for (const InputSource& source : spec_.sources) read(source, done, now);
    const bool direct = count_ == 1 && !is_source(spec_.y);
    if (direct) data_[spec_.y] = y_ + (first_ * steps_ + done) * owner_.y_width();
    size_t begun = 0;
    if (now == 1 && owner_.pair_ && companions_ && companions_->awake()) {
      first_pair();
      begun = 1;
    }
    for (size_t k = begun; k < frames_.size(); ++k) {
      if (static_cast<int>(k) != spec_.loop) {
        lines(k, 0, now * count_);
        continue;
      }
      hoisted(k, now * count_);
      for (long t = 0; t < now; ++t) {
        lines_only(k, t * count_, count_, begun);
        advance(k);
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
    float* to = arrays_[source.array].data;
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

  void lines(size_t k, long first, long rows) {
    hoisted(k, rows);
    lines_only(k, first, rows);
  }

  // Products of whole inputs, for all rows of the block at once.
  void hoisted(size_t k, long rows) {
    const Stepper::Segment& s = *owner_.segments_[k];
    for (const HoistedProduct& e : s.spec.hoisted) {
      const long from = s.spec.program.inputs[e.source], into = s.spec.program.inputs[e.into];
      multiply(s.packed[e.weight], data_[s.spec.inputs[e.source]] + e.start, from, rows,
               data_[s.spec.inputs[e.into]], into, e.vector < 0 ? nullptr : s.vectors[e.vector].data(), nullptr, 0);
    }
  }

  void multiply(const Packed& weight, const float* a, long a_stride, long rows, float* c, long c_stride,
                const float* bias, const float* addend, long addend_stride) {
    const long panels = weight.panels(), work = weight.work() * rows;
    if (companions_ && panels > 1 && work >= worth_sharing && companions_->awake()) {
      const long each = companions_->panels_each(panels, work);
      const Shared shared{weight, each, a, a_stride, rows, c, c_stride, bias, addend, addend_stride};
      return companions_->share(static_cast<int>(pieces(panels, each)), Shared::piece, &shared);
    }
    weight.product(0, panels, a, a_stride, rows, c, c_stride, bias, addend, addend_stride);
  }

  // The product of the input and the loop's first, for one step, shared at once: see Stepper::pair_.
  void first_pair() {
    const Stepper::Segment &s = *owner_.segments_[0], &loop = *owner_.segments_[1];
    const HoistedProduct& e = s.spec.hoisted[0];
    const Packed &one = s.packed[e.weight], &two = loop.packed[loop.instructions[0].weight];
    const long each = companions_->panels_each(one.panels(), (one.work() + two.work()) * count_);
    const long from = s.spec.program.inputs[e.source], into = s.spec.program.inputs[e.into];
    place(1, 0);
    const SharedPair pair{{one, each, data_[s.spec.inputs[e.source]] + e.start, from, count_,
                           data_[s.spec.inputs[e.into]], into, e.vector < 0 ? nullptr : s.vectors[e.vector].data(),
                           nullptr, 0},
                          product_of(1, loop.instructions[0], each, count_)};
    companions_->share(static_cast<int>(pieces(one.panels(), each)), SharedPair::piece, &pair);
  }

  Shared product_of(size_t k, const Instr& line, long each, long rows) const {
    const Frame& f = frames_[k];
    const Operand &a = line.a, &b = line.b, &c = line.c, &d = line.d;
    return {owner_.segments_[k]->packed[line.weight], each, at(f, a, 0), f.slots[a.slot].stride, rows, at(f, d, 0),
            f.slots[d.slot].stride, b.slot < 0 ? nullptr : at(f, b, 0), c.slot < 0 ? nullptr : at(f, c, 0),
            c.slot < 0 ? 0 : f.slots[c.slot].stride};
  }

  // Inputs and outputs as they stand at row `first` of the block.
  void place(size_t k, long first) {
    const Stepper::Segment& s = *owner_.segments_[k];
    const LoopProgram& p = s.spec.program;
    Frame& f = frames_[k];
    for (size_t i = 0; i < p.inputs.size(); ++i) f.slots[i].data = data_[s.spec.inputs[i]] + first * p.inputs[i];
    for (size_t i = 0; i < p.outputs.size(); ++i)
      f.slots[s.first_output + i].data = data_[s.spec.outputs[i]] + first * p.outputs[i];
  }

  void lines_only(size_t k, long first, long rows, size_t begun = 0) {
    const Stepper::Segment& s = *owner_.segments_[k];
    Frame& f = frames_[k];
    place(k, first);
    const size_t count = s.instructions.size();
    for (size_t i = begun; i < count;) {
      const Instr& here = s.instructions[i];
      if (!here.call) {
        const Shared p = product_of(k, here, 0, rows);
        multiply(p.weight, p.a, p.a_stride, rows, p.c, p.c_stride, p.bias, p.addend, p.addend_stride);
        ++i;
        continue;
      }
      size_t end = i;
      while (end < count && s.instructions[end].call) ++end;
      for (long r = 0; r < rows; r += f.tile)
        for (size_t j = i; j < end; ++j) tile(f, s.instructions[j], r, std::min(f.tile, rows - r));
      i = end;
    }
  }

  static float* at(const Frame& f, const Operand& o, long row) {
    const Slot& slot = f.slots[o.slot];
    return slot.data + o.column + (o.local ? 0 : row * slot.stride);
  }

  static void tile(const Frame& f, const Instr& s, long row, long rows) {
    Tile<float> x;
    x.rows = rows;
    x.width = s.width;
    x.d = at(f, s.d, row);
    x.ds = f.slots[s.d.slot].stride;
    x.a = at(f, s.a, row);
    x.as = f.slots[s.a.slot].stride;
    x.b = x.c = nullptr;
    x.bs = x.cs = 0;
    bool flat = s.flat && rows > 1 && x.ds == x.width && x.as == (s.mode & 4 ? 0 : x.width);
    if (s.b.slot >= 0) {
      x.b = at(f, s.b, row);
      x.bs = f.slots[s.b.slot].stride;
      flat = flat && x.bs == (s.mode & 1 ? 0 : x.width);
    }
    if (s.c.slot >= 0) {
      x.c = at(f, s.c, row);
      x.cs = f.slots[s.c.slot].stride;
      flat = flat && x.cs == (s.mode & 2 ? 0 : x.width);
    }
    if (flat) {
      x.width *= rows;
      x.rows = 1;
    }
    s.call(x);
  }

  // The states take their next values.
  void advance(size_t k) {
    const Stepper::Segment& s = *owner_.segments_[k];
    const LoopProgram& p = s.spec.program;
    Frame& f = frames_[k];
    for (size_t j = 0; j < p.next.size(); ++j) {
      const Place from = p.next[j];
      if (from.space == Space::state) continue;
      const Slot& made =
          f.slots[from.space == Space::output ? s.first_output + from.index : s.first_next + from.index];
      const long width = p.states[j];
      float* to = f.slots[s.first_state + j].data;
      for (long r = 0; r < count_; ++r)
        std::memcpy(to + r * width, made.data + from.column + r * made.stride, width * sizeof(float));
    }
  }

  const Stepper& owner_;
  const StepperSpec& spec_;
  Companions* companions_ = nullptr;
  std::vector<Buffer<float>> held_;
  std::vector<Slot> arrays_, gathered_;
  std::vector<float*> data_;
  std::vector<Frame> frames_;
  long rows_ = 0;  // that there is room for
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
  array(spec_.y, 0);
  for (const InputSource& source : spec_.sources) {
    array(source.array, 0);
    if ((source.table != nullptr) != reads_ids()) throw std::invalid_argument("stepper: ids are read from tables");
  }
  for (SegmentSpec& given : spec_.segments) {
    for (size_t i = 0; i < given.inputs.size(); ++i) array(given.inputs[i], given.program.inputs.at(i));
    for (size_t i = 0; i < given.outputs.size(); ++i) array(given.outputs[i], given.program.outputs.at(i));
    segments_.push_back(std::make_unique<Segment>(given, spec_.kind));
    const auto count_work = [&](int weight) {
      const long work = segments_.back()->packed[weight].work();
      work_ += work;
      largest_ = std::max(largest_, work);
    };
    for (const Instr& line : segments_.back()->instructions)
      if (!line.call) count_work(line.weight);
    for (const HoistedProduct& e : given.hoisted) count_work(e.weight);
  }
  const int count = static_cast<int>(segments_.size());
  for (int k = 0; k < count; ++k)
    if (k != spec_.loop && !segments_[k]->spec.program.states.empty())
      throw std::invalid_argument("stepper: states outside the loop");
  pair_ = count > 1 && spec_.loop == 1 && segments_[0]->pairs_with(*segments_[1]);
  const size_t states = spec_.loop < 0 ? 0 : segments_.at(spec_.loop)->spec.program.states.size();
  if (spec_.states.size() != states) throw std::invalid_argument("stepper: one memory for each state");
  const long groups =
      std::max(pieces(spec_.streams, group_streams), std::min<long>(std::max(1, spec_.threads), spec_.streams));
  const long most = std::min(spec_.streams, group_streams);
  for (long g = 0; g < groups; ++g) workers_.push_back(std::make_unique<Worker>(*this, most));
  taken_.assign(spec_.streams, 0);
}

Stepper::~Stepper() = default;

long Stepper::weight_bytes() const {
  long bytes = 0;
  for (const auto& segment : segments_)
    for (const Packed& weight : segment->packed) bytes += weight.bytes();
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
  long numbers(size_t j) const { return of_.spec_.streams * of_.segments_[of_.spec_.loop]->spec.program.states[j]; }

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
      else if (taken_[rows[k]])
        fault = "is given twice";
      else
        taken_[rows[k]] = 1;
    }
    const long marked = fault ? k - 1 : k;
    for (long i = 0; i < marked; ++i) taken_[rows[i]] = 0;
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
