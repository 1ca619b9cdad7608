// Tests are functions that throw; main.cpp runs them all.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace recurra::tests {

struct Test {
  const char* name;
  void (*run)();
};
std::vector<Test>& all_tests();

struct Added {
  Added(const char* name, void (*run)()) { all_tests().push_back({name, run}); }
};
#define TEST(name)                                      \
  static void name();                                   \
  static const ::recurra::tests::Added add_##name(#name, name); \
  static void name()

inline void fail(const std::string& what, const char* file, int line) {
  throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}
#define CHECK(condition) \
  if (!(condition)) ::recurra::tests::fail(#condition, __FILE__, __LINE__)
#define CHECK_CLOSE(one, other, tolerance)                                                                   \
  if (!(std::fabs(double(one) - double(other)) <= (tolerance) * (1 + std::fabs(double(other)))))             \
  ::recurra::tests::fail(std::to_string(one) + " is not " + std::to_string(other), __FILE__, __LINE__)
#define CHECK_THROWS(kind, ...)                                            \
  do {                                                                     \
    bool thrown = false;                                                   \
    try {                                                                  \
      __VA_ARGS__;                                                         \
    } catch (const kind&) {                                                \
      thrown = true;                                                       \
    }                                                                      \
    if (!thrown) ::recurra::tests::fail("no " #kind, __FILE__, __LINE__);  \
  } while (false)

// Repeatable numbers, about evenly from -1 to 1.
class Random {
 public:
  double number() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<double>(static_cast<int64_t>(state_)) / 9223372036854775808.0;
  }

  template <class T>
  std::vector<T> numbers(long count) {
    std::vector<T> made(static_cast<size_t>(count));
    for (T& x : made) x = static_cast<T>(number());
    return made;
  }

 private:
  uint64_t state_ = 1;
};

// Memory of exactly this size, full of NaN: what is read before it is written shows.
template <class T>
std::vector<T> fresh(long count) {
  return std::vector<T>(static_cast<size_t>(count), std::numeric_limits<T>::quiet_NaN());
}

}  // namespace recurra::tests
