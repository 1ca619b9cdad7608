// Runs every test whose name holds the first argument, or with -PART every test whose name does not hold PART;
// exit status 1 if one fails.
#include <cstdio>
#include <cstring>

#include "check.h"
#include "levels.h"

namespace recurra::tests {

std::vector<Test>& all_tests() {
  static std::vector<Test> tests;
  return tests;
}

}  // namespace recurra::tests

int main(int count, char** arguments) {
  const char* part = count > 1 ? arguments[1] : "";
  const bool without = *part == '-';
  if (without) ++part;
  int run = 0, failed = 0;
  for (const auto& test : recurra::tests::all_tests()) {
    if ((std::strstr(test.name, part) != nullptr) == without) continue;
    ++run;
    try {
      test.run();
    } catch (const std::exception& error) {
      ++failed;
      std::printf("%s: %s\n", test.name, error.what());
    }
  }
  std::printf("%s: %d of %d tests failed\n", recurra::level_name(recurra::level()), failed, run);
  return failed || run == 0;
}
