#include "check.h"
#include "engine/encoded.h"
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
  refused([](LoopProgram& p) { p.lines[6].d = {Space::output, 0, 0}; p.lines[6].width = 5; });
  refused([](LoopProgram& p) { p.next.pop_back(); });
  refused([](LoopProgram& p) { p.next[0] = {Space::next, 1, 0}; });
  refused([](LoopProgram& p) { p.next[0] = {Space::temporary, 0, 0}; });
}

TEST(encoded_lists) {
  const auto code = [](Space s) { return static_cast<int64_t>(s); };
  const int64_t none = code(Space::none);
  // y = h' = relu(h @ W)
  const Numbers lines{-1, 3, 0, code(Space::temporary), 0, 0, code(Space::state), 0, 0, none, 0, 0, none, 0, 0, 0,
                      static_cast<int64_t>(Op::relu), 3, 0, code(Space::output), 0, 0, code(Space::temporary), 0, 0,
                      none, 0, 0, none, 0, 0, -1};
  const Numbers next{code(Space::output), 0, 0};
  const LoopProgram p = make_program({}, {3}, {3}, {3}, {}, {}, {}, {3, 3}, {}, lines, next);
  p.check();
  CHECK(p.lines.size() == 2 && p.lines[1].d.space == Space::output && p.weights[0].first == 3);
  const Numbers cut(lines.begin(), lines.end() - 1);
  CHECK_THROWS(std::invalid_argument, make_program({}, {3}, {3}, {3}, {}, {}, {}, {3, 3}, {}, cut, next));
  CHECK_THROWS(std::invalid_argument, make_program({}, {3}, {3}, {3}, {}, {}, {}, {3}, {}, lines, next));
}

}  // namespace
}  // namespace recurra::tests
