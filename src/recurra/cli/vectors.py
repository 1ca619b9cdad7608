"""`recurra vectors`: train word vectors, ask them, test them."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recurra.cli.arguments import Dark
from recurra.cli.output import emit, pairs, table
from recurra.errors import Fault

if TYPE_CHECKING:
    from recurra.vectors import WordVectors

app = typer.Typer(help="Word vectors: CBOW and skip-gram.", no_args_is_help=True)

Where = Annotated[
    Path, typer.Argument(help="A run, or a file in word2vec's text or binary format, or GloVe's text.")
]
Count = Annotated[int, typer.Option("-n", help="How many words to list.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Algorithm(Enum):
    skip_gram = "skip-gram"
    cbow = "cbow"


class Errors(Enum):
    stop = "stop"
    replace = "replace"


OfWords = Annotated[Errors, typer.Option("--errors", help="Words of a file that are not UTF-8.")]


@app.command()
def train(
    corpus: Annotated[
        list[Path] | None, typer.Argument(help="Text files and folders of them; gzip, bzip2, xz too.")
    ] = None,
    run: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path("vectors"),
    resume: Annotated[bool, typer.Option(help="Go on with the run in that folder.")] = False,
    algorithm: Annotated[Algorithm, typer.Option()] = Algorithm.skip_gram,
    dimensions: Annotated[int, typer.Option(help="Numbers a vector has.")] = 100,
    window: Annotated[int, typer.Option(help="Words looked at on either side, at most.")] = 5,
    negatives: Annotated[int, typer.Option(help="Noise words a pair; 0: hierarchical softmax.")] = 5,
    sample: Annotated[float, typer.Option(help="Frequency above which words are thinned; 0: none.")] = 1e-3,
    min_count: Annotated[int, typer.Option(help="Rarer words are left out.")] = 5,
    epochs: Annotated[int, typer.Option(help="Times the corpus is read.")] = 5,
    rate: Annotated[float, typer.Option(help="Learning rate at the start; it falls to --last-rate.")] = 0.025,
    last_rate: Annotated[float, typer.Option()] = 0.0001,
    seed: Annotated[int, typer.Option()] = 1,
    phrases: Annotated[int, typer.Option(help="Times that neighbours are joined to phrases.")] = 0,
    phrase_threshold: Annotated[float, typer.Option(help="Higher: fewer phrases.")] = 100.0,
    lower: Annotated[bool, typer.Option(help="Turn the corpus to lower case.")] = False,
    encoding: Annotated[str, typer.Option()] = "utf-8",
    errors: Annotated[Errors, typer.Option(help="Bytes that are not of the encoding.")] = Errors.stop,
    threads: Annotated[int | None, typer.Option(help="Default: all. One repeats bit for bit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train word vectors on CORPUS. Under torchrun, the processes share the corpus."""
    from recurra import vectors
    from recurra.cli.vector_training import display, naming_resume, process_group

    if bool(corpus) == resume:
        raise Fault("vectors train: expected either a CORPUS, or --resume with the run's folder")
    quiet = as_json or os.environ.get("RANK", "0") != "0"
    with naming_resume(run), process_group(), display(quiet=quiet) as (on_start, on_progress):
        if resume:
            report = vectors.resume(run, threads=threads, on_start=on_start, on_progress=on_progress)
        else:
            options = vectors.Options(
                algorithm=algorithm.value,
                dimensions=dimensions,
                window=window,
                negatives=negatives,
                sample=sample,
                min_count=min_count,
                epochs=epochs,
                rate=rate,
                last_rate=last_rate,
                seed=seed,
                phrases=phrases,
                phrase_threshold=phrase_threshold,
                lower=lower,
                encoding=encoding,
                errors=errors.value,
            )
            report = vectors.train(
                corpus or [], run, options, threads=threads, on_start=on_start, on_progress=on_progress
            )
    if os.environ.get("RANK", "0") == "0":
        pairs({"run": str(run)} | {name: getattr(report, name) for name in report.__slots__}, as_json)


@app.command()
def nearest(
    where: Where,
    words: Annotated[list[str], typer.Argument(help="One word, or several to take the mean of.")],
    n: Count = 10,
    errors: OfWords = Errors.stop,
    as_json: AsJson = False,
) -> None:
    """List the words nearest to a word, or to the mean of several."""
    _list(_load(where, errors).nearest(words, n), "cosine", as_json)


@app.command()
def analogy(
    where: Where,
    a: str,
    b: str,
    c: str,
    n: Count = 10,
    errors: OfWords = Errors.stop,
    as_json: AsJson = False,
) -> None:
    """A is to B as C is to ... (man king woman)."""
    _list(_load(where, errors).analogy(a, b, c, n), "cosine", as_json)


@app.command()
def similarity(
    where: Where, first: str, second: str, errors: OfWords = Errors.stop, as_json: AsJson = False
) -> None:
    """Print the cosine of two words."""
    cosine = _load(where, errors).similarity(first, second)
    if as_json:
        emit({"cosine": cosine})
    else:
        typer.echo(f"{cosine:.4f}")


@app.command()
def suggest(
    run: Annotated[Path, typer.Argument(help="A run of CBOW.")],
    sentence: Annotated[str, typer.Argument(help="With _ for the missing word.")],
    n: Count = 10,
    as_json: AsJson = False,
) -> None:
    """List the likeliest words for the gap of a sentence: 'the _ of the army'."""
    from recurra import vectors

    _list(vectors.suggest(run, sentence, n), "probability", as_json)


@app.command()
def evaluate(
    where: Where,
    analogies: Annotated[Path | None, typer.Option(help="Questions as in the Google set.")] = None,
    similarity: Annotated[
        list[Path] | None, typer.Option(help="Word pairs with scores: WordSim-353, SimLex-999.")
    ] = None,
    most: Annotated[int, typer.Option(help="Analogies are answered with this many first words.")] = 300_000,
    errors: OfWords = Errors.stop,
    as_json: AsJson = False,
) -> None:
    """Test word vectors on analogies and on word similarity."""
    from recurra import vectors

    if not analogies and not similarity:
        raise Fault("vectors evaluate: nothing to test with, expected --analogies FILE or --similarity FILE")
    words = _load(where, errors)
    sections = vectors.analogies(words, analogies, most) if analogies else []
    people = {str(path): vectors.word_similarity(words, path) for path in similarity or []}
    if as_json:
        emit(
            {
                "analogies": {
                    s.section: {"right": s.right, "asked": s.asked, "unknown": s.unknown} for s in sections
                },
                "similarity": {p: {k: getattr(r, k) for k in r.__slots__} for p, r in people.items()},
            }
        )
        return
    if sections:
        table(
            ("section", "right", "asked", "accuracy", "unknown"),
            [(s.section, s.right, s.asked, s.accuracy, s.unknown) for s in sections],
        )
    if people:
        table(
            ("pairs", "spearman", "pearson", "covered", "unknown"),
            [(Path(p).name, r.spearman, r.pearson, r.pairs, r.unknown) for p, r in people.items()],
        )


@app.command()
def plot(
    where: Where,
    picture: Annotated[Path, typer.Option("-o", "--output", help="A .png, .svg or .pdf file.")] = Path(
        "words.png"
    ),
    words: Annotated[int, typer.Option(help="How many of the most frequent words.")] = 300,
    skip: Annotated[int, typer.Option(help="Leave out so many of the first.")] = 0,
    seed: Annotated[int, typer.Option()] = 1,
    dark: Dark = False,
    errors: OfWords = Errors.stop,
) -> None:
    """Draw a map of the most frequent words, alike words close together."""
    from recurra import vectors

    vectors.plot(_load(where, errors), picture, words=words, skip=skip, seed=seed, dark=dark)
    typer.echo(str(picture))


def _load(where: Path, errors: Errors) -> WordVectors:
    """The vectors; what is worth telling of their file goes to stderr."""
    from recurra import vectors

    words = vectors.load(where, "strict" if errors is Errors.stop else "replace")
    for note in words.notes:
        typer.echo(f"recurra: {note}", err=True)
    return words


def _list(words: list[tuple[str, float]], name: str, as_json: bool) -> None:
    if as_json:
        emit([{"word": word, name: value} for word, value in words])
    else:
        table(("word", name), words)
