#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>

#include "levels.h"
#include "phrases.h"
#include "trainer.h"
#include "words.h"

namespace nb = nanobind;
using namespace nb::literals;
using namespace recurra::vectors;

namespace {

using Matrix = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Counts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::string_view view(const nb::bytes& b) { return {b.c_str(), b.size()}; }

template <class T>
auto array(std::vector<T>&& values) {
  auto* kept = new std::vector<T>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner);
}

// The words, each followed by a line feed.
nb::bytes blob(const WordTable& table) {
  std::string all;
  for (int64_t id = 0; id < table.size(); ++id) {
    all += table.word(id);
    all += '\n';
  }
  return nb::bytes(all.data(), all.size());
}

template <class Use>
void each_word(std::string_view words, const Counts& counts, Use use) {
  size_t n = 0;
  for (size_t from = 0; from < words.size(); ++n) {
    const size_t to = words.find('\n', from);
    if (to == std::string_view::npos || n >= counts.shape(0)) throw nb::value_error("words and counts differ in number");
    use(words.substr(from, to - from), counts(n));
    from = to + 1;
  }
  if (n != counts.shape(0)) throw nb::value_error("words and counts differ in number");
}

std::vector<int32_t> numbers(const Numbers& values) {
  return std::vector<int32_t>(values.data(), values.data() + values.shape(0));
}

}  // namespace

NB_MODULE(_vectors, m) {
  m.doc() = "Counting words and training word vectors, without the interpreter lock.";
  m.attr("level") = recurra::level_name(recurra::level());

  nb::class_<Counter>(m, "Counter")
      .def(nb::init<>())
      .def("feed", [](Counter& c, nb::bytes text) {
        const std::string_view bytes = view(text);
        nb::gil_scoped_release free;
        c.feed(bytes);
      }, "text"_a)
      .def("merge", &Counter::merge, "other"_a, nb::call_guard<nb::gil_scoped_release>())
      .def("add", [](Counter& c, nb::bytes words, Counts counts) {
        each_word(view(words), counts, [&](std::string_view word, int64_t count) { c.add(word, count); });
      }, "words"_a, "counts"_a)
      .def("words", [](const Counter& c) { return blob(c.table()); })
      .def("counts", [](const Counter& c) { return array(std::vector<int64_t>(c.table().counts())); })
      .def("sorted", &Counter::sorted, "min_count"_a, nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("total", &Counter::total)
      .def("__len__", [](const Counter& c) { return c.table().size(); });

  nb::class_<WordTable>(m, "WordTable")
      .def("__init__", [](WordTable* table, nb::bytes words, Counts counts) {
        new (table) WordTable();
        each_word(view(words), counts, [&](std::string_view word, int64_t count) { table->add(word, count); });
      }, "words"_a, "counts"_a)
      .def("words", &blob)
      .def("word", [](const WordTable& t, int64_t id) {
        if (id < 0 || id >= t.size()) throw nb::index_error("no such word");
        const std::string_view word = t.word(id);
        return nb::bytes(word.data(), word.size());
      }, "id"_a)
      .def("find", [](const WordTable& t, nb::bytes word) { return t.find(view(word)); }, "word"_a)
      .def("counts", [](const WordTable& t) { return array(std::vector<int64_t>(t.counts())); })
      .def("encode", [](const WordTable& t, nb::bytes text, bool mark_unknown) {
        const std::string_view bytes = view(text);
        std::vector<int32_t> ids;
        {
          nb::gil_scoped_release free;
          ids = encode(t, bytes, mark_unknown);
        }
        return array(std::move(ids));
      }, "text"_a, "mark_unknown"_a = false)
      .def("__len__", &WordTable::size);

  m.def("find_phrases", [](const std::string& path, Counts counts, int64_t least, double threshold, int64_t most) {
    std::vector<Phrase> found;
    {
      nb::gil_scoped_release free;
      found = find_phrases(path, counts.data(), int64_t(counts.shape(0)), least, threshold, most);
    }
    std::vector<int32_t> first, second;
    for (const Phrase& p : found) {
      first.push_back(p.first);
      second.push_back(p.second);
    }
    return nb::make_tuple(array(std::move(first)), array(std::move(second)));
  }, "path"_a, "counts"_a, "least"_a, "threshold"_a, "most"_a);
  m.def("join_phrases", [](const std::string& from, const std::string& to, Numbers first, Numbers second, int64_t words) {
    if (first.shape(0) != second.shape(0)) throw nb::value_error("first and second differ in length");
    std::vector<int64_t> counts;
    {
      nb::gil_scoped_release free;
      counts = join_phrases(from, to, numbers(first), numbers(second), words);
    }
    return array(std::move(counts));
  }, "source"_a, "target"_a, "first"_a, "second"_a, "words"_a);
  m.def("renumber", [](const std::string& from, const std::string& to, Numbers number) {
    nb::gil_scoped_release free;
    renumber(from, to, numbers(number));
  }, "source"_a, "target"_a, "number"_a);

  m.def("huffman", [](Counts counts) {
    if (counts.shape(0) == 0) throw nb::value_error("a tree needs a word");
    Tree tree = huffman(counts.data(), int64_t(counts.shape(0)));
    return nb::make_tuple(array(std::move(tree.parent)), array(std::move(tree.code)));
  }, "counts"_a, "Parent (-1 at the root) and code of each of the 2n - 1 nodes, the words first.");

  nb::class_<Trainer>(m, "Trainer")
      .def("__init__", [](Trainer* t, Matrix input, Matrix output, Counts counts, const std::string& path,
                          Counts starts, int64_t first_chunk, bool skipgram, int window, int negatives,
                          double sample, double exponent, double rate, double last_rate, int epochs, uint64_t seed) {
        const int64_t words = int64_t(counts.shape(0));
        if (words == 0 || int64_t(input.shape(0)) != words || int64_t(output.shape(0)) != words ||
            input.shape(1) != output.shape(1) || input.shape(1) == 0 || starts.shape(0) < 2 || window < 1 || epochs < 1)
          throw nb::value_error("the matrices, the counts and the chunks do not fit together");
        const Plan plan{int(input.shape(1)), window, negatives, skipgram, sample, exponent, rate, last_rate, epochs, seed};
        new (t) Trainer(plan, input.data(), output.data(), counts.data(), words, path,
                        {starts.data(), starts.data() + starts.shape(0)}, first_chunk);
      }, "input"_a, "output"_a, "counts"_a, "path"_a, "starts"_a, "first_chunk"_a, nb::kw_only(), "skipgram"_a,
           "window"_a, "negatives"_a, "sample"_a, "exponent"_a, "rate"_a, "last_rate"_a, "epochs"_a, "seed"_a,
           nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>())
      .def("start", &Trainer::start, "threads"_a, "until"_a, nb::call_guard<nb::gil_scoped_release>())
      .def("stop", &Trainer::stop)
      .def("wait", &Trainer::wait, nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("running", &Trainer::running)
      .def_prop_ro("done", &Trainer::done)
      .def_prop_ro("progress", &Trainer::progress)
      .def("take_loss", &Trainer::take_loss);
}
