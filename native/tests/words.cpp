#include <unistd.h>

#include <cstdio>

#include "check.h"
#include "vectors/phrases.h"
#include "vectors/trainer.h"
#include "vectors/words.h"

namespace recurra::tests {
namespace {

using namespace recurra::vectors;

// A file of word numbers that goes away.
struct File {
  std::string path = "recurra_tests_" + std::to_string(getpid()) + ".bin";

  explicit File(const std::vector<int32_t>& numbers) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    CHECK(file && std::fwrite(numbers.data(), 4, numbers.size(), file) == numbers.size());
    std::fclose(file);
  }
  ~File() { std::remove(path.c_str()); }
};

TEST(words_are_counted_and_numbered) {
  Counter counter;
  counter.feed("b a b\n\n c\tb a ");
  counter.feed("");
  CHECK(counter.total() == 6);
  const WordTable table = counter.sorted(2);
  CHECK(table.size() == 2 && table.word(0) == "b" && table.word(1) == "a" && table.counts()[0] == 3);
  const std::vector<int32_t> expected{kSentenceEnd, 1, kUnknown, 0};
  const auto found = encode(table, "a x b", true);
  CHECK(found.size() >= 3 && table.find("c") == -1);
  WordTable many;
  for (int i = 0; i < 5000; ++i) CHECK(many.add("w" + std::to_string(i), 1) == i);
  for (int i = 0; i < 5000; ++i) CHECK(many.find("w" + std::to_string(i)) == i);
}

std::vector<int32_t> text(int words, int length) {
  std::vector<int32_t> numbers;
  Random random;
  for (int i = 0; i < length; ++i)
    numbers.push_back(i % 11 == 10 ? kSentenceEnd : static_cast<int32_t>(std::fabs(random.number()) * (words - 1)));
  return numbers;
}

TEST(training_of_every_kind) {
  constexpr int words = 23;
  const auto numbers = text(words, 700);
  const File file(numbers);
  std::vector<int64_t> counts(words, 1);
  for (int32_t n : numbers)
    if (n >= 0) ++counts[static_cast<size_t>(n)];
  for (int dimensions : {1, 7, 16, 33})
    for (bool skipgram : {false, true})
      for (int negatives : {0, 3})
        for (int threads : {1, 3}) {
#if defined(__SANITIZE_THREAD__)
          if (threads > 1) continue;  // threads share the matrices without locks, as the method has it
#endif
          auto input = Random().numbers<float>(words * dimensions);
          auto output = std::vector<float>(static_cast<size_t>(words * dimensions), 0.0f);
          const auto before = input;
          const Plan plan{dimensions, 3, negatives, skipgram, 1e-2, 0.75, 0.05, 0.001, 2, 5};
          Trainer trainer(plan, input.data(), output.data(), counts.data(), words, file.path, {0, 250, 700}, 0);
          trainer.start(threads, 1);
          trainer.wait();
          trainer.start(threads, 100);
          trainer.wait();
          CHECK(trainer.done() >= 4 && input != before);
          for (float v : input) CHECK(std::isfinite(v));
        }
}

TEST(a_fault_in_a_thread_reaches_the_caller) {
  std::vector<float> input(4, 0.5f), output(4, 0.0f);
  const std::vector<int64_t> counts{1, 1};
  const Plan plan{2, 2, 2, true, 0, 0.75, 0.05, 0.001, 1, 5};
  Trainer trainer(plan, input.data(), output.data(), counts.data(), 2, "/nowhere/at/all", {0, 5}, 0);
  trainer.start(2, 10);
  CHECK_THROWS(std::runtime_error, trainer.wait());
}

TEST(phrases_are_found_and_joined) {
  std::vector<int32_t> numbers;
  for (int i = 0; i < 50; ++i) numbers.insert(numbers.end(), {0, 1, 2 + i % 3, kSentenceEnd});
  const File file(numbers);
  const std::vector<int64_t> counts{50, 50, 17, 17, 16};
  const auto found = find_phrases(file.path, counts.data(), 5, 5, 0.5, 1000);
  CHECK(!found.empty() && found[0].first == 0 && found[0].second == 1);
  const std::string to = file.path + ".joined";
  const auto joined = join_phrases(file.path, to, {0}, {1}, 5);
  std::remove(to.c_str());
  CHECK(joined.size() == 6 && joined[5] == 50 && joined[0] == 0);
}

}  // namespace
}  // namespace recurra::tests
