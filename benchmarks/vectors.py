"""Word vectors measured beside gensim: speed, quality and memory. Prints a table and writes JSON.

    python benchmarks/vectors.py [-o vectors.json] [--quick]

Both sides: dimension 100, window 5, 5 negatives, sub-sampling 1e-3, 5 epochs, the same corpus files and
threads, taking turns, medians. A word counts once an epoch, rare and dropped ones too. Building the
vocabulary counts for neither; reading the corpus counts for both. gensim runs as fast as it can here: from a
corpus file or from sentences in memory, whichever was faster.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import multiprocessing
import os
import platform
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import Word2Vec
from gensim.models.word2vec import LineSentence

from recurra import vectors
from recurra.cli.app import exit_code
from recurra.storage.files import write_json
from recurra.vectors import Options, WordVectors

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
ALGORITHMS = ("skip-gram", "cbow")
REACH = {"skip-gram": 5.0, "cbow": 3.0}
TESTS = ("wordsim353", "analogies")
EPOCHS = {"zipf": 2, "wikitext2": 5}
"""Passes over each corpus, ours and gensim's alike: rates need few, quality needs the usual five."""


def zipf_corpus(path: Path, words: int) -> Path:
    """Independent words of 200,000 types, probability 1 / (rank + 2.7), 20 a line."""
    random = np.random.default_rng(0)
    weight = 1 / (np.arange(200_000) + 2.7)
    ranks = random.choice(len(weight), size=words, p=weight / weight.sum())
    with path.open("w") as file:
        for k in range(0, words, 20):
            file.write(" ".join(f"w{n}" for n in ranks[k : k + 20]) + "\n")
    return path


def real_corpus(path: Path) -> Path:
    """WikiText-2, its three parts as one file."""
    parts = [DATA / "wikitext2" / f"{part}.txt.gz" for part in ("train", "valid", "test")]
    path.write_bytes(b"".join(gzip.decompress(part.read_bytes()) for part in parts))
    return path


def ours(corpus: Path, algorithm: str, seed: int, threads: int) -> tuple[float, WordVectors]:
    with tempfile.TemporaryDirectory(dir=corpus.parent) as folder:
        options = Options(algorithm, epochs=EPOCHS[corpus.stem], seed=seed)  # type: ignore[arg-type]
        report = vectors.train(corpus, Path(folder) / "run", options, threads=threads)
        return report.words_per_second, vectors.load(Path(folder) / "run")


def theirs(
    corpus: Path, algorithm: str, seed: int, threads: int, *, from_file: bool
) -> tuple[float, WordVectors]:
    model = Word2Vec(
        vector_size=100,
        window=5,
        negative=5,
        sample=1e-3,
        min_count=5,
        sg=int(algorithm == "skip-gram"),
        seed=seed,
        workers=threads,
    )
    source: dict[str, Any] = {"corpus_file": str(corpus)}
    if not from_file:
        source = {"corpus_iterable": list(LineSentence(str(corpus)))}
    model.build_vocab(**source)
    words = model.corpus_total_words
    epochs = EPOCHS[corpus.stem]
    start = time.perf_counter()
    model.train(**source, total_examples=model.corpus_count, total_words=words, epochs=epochs)
    seconds = time.perf_counter() - start
    return words * epochs / seconds, WordVectors(model.wv.index_to_key, model.wv.vectors)


def quality(words: WordVectors) -> tuple[float, float]:
    folder = DATA / "word_similarity"
    return (
        vectors.word_similarity(words, folder / "wordsim353.tsv").spearman,
        vectors.analogies(words, folder / "questions-words.txt")[-1].accuracy,
    )


def spread(values: list[float]) -> dict[str, float]:
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {"mean": statistics.mean(values), "error": error}


def compare(corpus: Path, algorithm: str, threads: int, repeats: int, *, judge: bool) -> dict[str, Any]:
    file_rate, memory_rate = (
        theirs(corpus, algorithm, 1, threads, from_file=from_file)[0] for from_file in (True, False)
    )
    from_file = file_rate >= memory_rate
    rates: dict[str, list[float]] = {"recurra": [], "gensim": []}
    scores: dict[str, list[tuple[float, float]]] = {"recurra": [], "gensim": []}
    for seed in range(1, repeats + 1):
        for name in rates:
            if name == "recurra":
                rate, words = ours(corpus, algorithm, seed, threads)
            else:
                rate, words = theirs(corpus, algorithm, seed, threads, from_file=from_file)
            rates[name].append(rate)
            if judge:
                scores[name].append(quality(words))
    row: dict[str, Any] = {"corpus": corpus.stem, "algorithm": algorithm, "threads": threads}
    row |= {name: statistics.median(values) for name, values in rates.items()}
    row["gensim reads"] = "file" if from_file else "memory"
    row["ratio"] = row["recurra"] / row["gensim"]
    for k, test in enumerate(TESTS):
        row |= {f"{test} {name}": spread([s[k] for s in pairs]) for name, pairs in scores.items() if pairs}
    print(json.dumps(row), flush=True)
    return row


def peak_memory(queue: Any, corpus: str, run: str) -> None:
    """In a process of its own: the peak during training over what was held before it, in bytes."""
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = vectors.train(corpus, run, Options(min_count=1, epochs=1), threads=2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put((report.vocabulary, (peak - start) * 1024))


def memory(folder: Path, words: int) -> dict[str, float]:
    corpus = folder / "many.txt"
    with corpus.open("w") as file:
        for k in range(0, words, 10):
            line = " ".join(f"word{n:07d}" for n in range(k, k + 10))
            file.write(f"{line}\n{line}\n")
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=peak_memory, args=(queue, str(corpus), str(folder / "many")))
    process.start()
    vocabulary, peak = queue.get()
    process.join()
    matrices = 2 * 4 * 100 * vocabulary
    return {"vocabulary": vocabulary, "matrices": matrices, "peak": peak, "ratio": peak / matrices}


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['processor']}, {result['cores']} cores, {result['level']}",
        "",
        "| corpus | algorithm | threads | Recurra words/s | gensim words/s | ratio | reach |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in result["speed"]:
        lines.append(
            f"| {r['corpus']} | {r['algorithm']} | {r['threads']} | {r['recurra']:,.0f} | "
            f"{r['gensim']:,.0f} | {r['ratio']:.1f} | {REACH[r['algorithm']]:.0f} |"
        )
    lines += ["", "| algorithm | test | Recurra | gensim |", "|---|---|---|---|"]
    for r in result["speed"]:
        for test in TESTS:
            if f"{test} gensim" in r:
                cells = [
                    f"{s['mean']:.4f} ± {s['error']:.4f}" for s in (r[f"{test} recurra"], r[f"{test} gensim"])
                ]
                lines.append(f"| {r['algorithm']} | {test} | {cells[0]} | {cells[1]} |")
    lines.append("")
    for r in result["scaling"]:
        lines.append(
            f"{r['corpus']}, {r['algorithm']}: {r['threads']} threads are {r['ratio']:.2f} x one (reach 1.8)"
        )
    m = result["memory"]
    lines.append(
        f"memory at {m['vocabulary']:,} words: {m['peak'] / 2**20:,.0f} MiB, "
        f"{m['ratio']:.3f} x the two matrices (reach 1.1)"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/figures/vectors.json"))
    parser.add_argument("--quick", action="store_true", help="one repeat of each, a small generated corpus")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    from recurra.vectors import _vectors

    cores = len(os.sched_getaffinity(0))
    repeats, seeds = (1, 1) if arguments.quick else (3, 5)
    speed: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peak = memory(folder, 100_000 if arguments.quick else 1_000_000)
        print(json.dumps(peak), flush=True)
        corpora = [zipf_corpus(folder / "zipf.txt", 400_000 if arguments.quick else 4_000_000)]
        if DATA.is_dir():
            corpora.append(real_corpus(folder / "wikitext2.txt"))
        else:
            print(f"{DATA}: not there: no real corpus, no quality")
        for corpus in corpora:
            for algorithm in ALGORITHMS:
                for threads in sorted({1, cores}):
                    judge = corpus.stem == "wikitext2" and threads == 1
                    times = seeds if judge else repeats
                    speed.append(compare(corpus, algorithm, threads, times, judge=judge))
    scaling = [
        {key: b[key] for key in ("corpus", "algorithm", "threads")} | {"ratio": b["recurra"] / a["recurra"]}
        for a in speed
        for b in speed
        if a["threads"] == 1 < b["threads"] and (a["corpus"], a["algorithm"]) == (b["corpus"], b["algorithm"])
    ]
    result = {
        "processor": processor(),
        "cores": cores,
        "level": _vectors.level,
        "speed": speed,
        "scaling": scaling,
        "memory": peak,
    }
    write_json(arguments.output, result)
    print(table(result))


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
