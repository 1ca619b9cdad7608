#include "check.h"
#include "recurrence.h"

namespace recurra::tests {
namespace {

// The recurrence with one change.
template <class Change>
void refused(Change change) {
  LoopProgram p = recurrence(4, true);
  p.check();
  change(p);
  CHECK_THROWS(std::invalid_argument, p.check());
}

TEST(programs_that_reach_outside_are_refused) {
  refused([](LoopProgram& p) { p.lines[0].weight = 1; });
  refused([](LoopProgram& p) { p.lines[0].weight = -1; });
  refused([](LoopProgram& p) { p.lines[0].width = 5; });
  refused([](LoopProgram& p) { p.lines[0].a = {Space::local, 0, 0}; });
  refused([](LoopProgram& p) { p.lines[0].b = {Space::input, 0, 0}; });
  refused([](LoopProgram& p) { p.lines[0].c = {Space::input, 1, 0}; });
  refused([](LoopProgram& p) { p.lines[1].a.column = 1; });
  refused([](LoopProgram& p) { p.lines[1].a.column = -1; });
  refused([](LoopProgram& p) { p.lines[1].width = 0; });
  refused([](LoopProgram& p) { p.lines[1].d = {Space::input, 0, 0}; });
  refused([](LoopProgram& p) { p.lines[1].op = static_cast<int>(Op::count); });
  refused([](LoopProgram& p) { p.lines[3].b = {Space::immediate, 1, 0}; });
  refused([](LoopProgram& p) { p.lines[4].mode = 0; });
  refused([](LoopProgram& p) { p.lines[4].mode = modes; });
  refused([](LoopProgram& p) { p.lines[4].mode = -1; });
  refused([](LoopProgram& p) { p.lines[6].d = {Space::output, 0, 0}; p.lines[6].width = 5; });
  refused([](LoopProgram& p) { p.next.pop_back(); });
  refused([](LoopProgram& p) { p.next[0] = {Space::next, 1, 0}; });
  refused([](LoopProgram& p) { p.next[0] = {Space::temporary, 0, 0}; });
}

TEST(parts_that_do_not_fit_are_refused) {
  // the sum of a row as the sum of one part: the same, and a place where it can go wrong
  const auto refused_parts = [](auto change) {
    refused([&](LoopProgram& p) {
      p.lines[2].op = static_cast<int>(Op::sum_parts);
      p.lines[2].count = 4;
      p.check();
      change(p.lines[2]);
    });
  };
  refused_parts([](Line& line) { line.count = 3; });
  refused_parts([](Line& line) { line.count = 2; });
  refused_parts([](Line& line) { line.count = 0; });
  refused_parts([](Line& line) { line.block = -4; });
  refused_parts([](Line& line) { line.mode = 1; });
  refused_parts([](Line& line) { line.op = static_cast<int>(Op::repeat); });
  refused_parts([](Line& line) { line.op = static_cast<int>(Op::gather); });
  refused_parts([](Line& line) { line.a = {Space::total, 0, 0}; });
}

TEST(sub_rows_that_do_not_fit_are_refused) {
  // the sum of a row's squares as one part of it
  const auto refused_dot = [](auto change) {
    refused([&](LoopProgram& p) {
      p.lines[2].op = static_cast<int>(Op::dot);
      p.lines[2].b = p.lines[2].a;
      p.lines[2].parts = 1;
      p.check();
      change(p.lines[2]);
    });
  };
  refused_dot([](Line& line) { line.parts = 0; });
  refused_dot([](Line& line) { line.parts = -1; });
  refused_dot([](Line& line) { line.parts = 2; });
  refused_dot([](Line& line) { line.width = 5; });
  refused_dot([](Line& line) { line.strides[0] = 3; });
  refused_dot([](Line& line) { line.strides[1] = -4; });
  refused_dot([](Line& line) { line.mode = modes; });
  refused_dot([](Line& line) { line.op = static_cast<int>(Op::weigh); });
  refused_dot([](Line& line) { line.op = static_cast<int>(Op::sum); });
  refused_dot([](Line& line) { line.a = {Space::total, 0, 0}; });
}

}  // namespace
}  // namespace recurra::tests
