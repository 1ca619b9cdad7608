"""A small example of every layer, model and part of a model, and how it runs over a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra import cells, layers, models
from recurra.cells import GRU, LSTM
from recurra.forest import Forest
from recurra.layers import Bidirectional, FeedForward, Recurrent, Stack
from recurra.layers.attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    LocalAttention,
    ScaledDotAttention,
)
from recurra.layers.downsample import Downsample
from recurra.layers.input_feeding import AttentionFed
from recurra.layers.locked_dropout import LockedDropout
from recurra.layers.pooling import EndsPool, ProjectedPool
from recurra.layers.weight_noise import WeightNoise
from recurra.models import frames, outputs
from recurra.models.decoders import AttentionDecoder, FedDecoder, VectorDecoder
from recurra.models.encoder_decoder import EncoderDecoder
from recurra.models.forecaster import Forecaster
from recurra.models.horizon import DirectHorizon, RecurrentHorizon
from recurra.models.note_model import NoteModel
from recurra.models.parse_encoder import ParseEncoder
from recurra.models.patch_forecaster import PatchForecaster
from recurra.models.step_answers import StepAnswers
from recurra.models.stroke_model import StrokeModel
from recurra.models.vector_autoencoder import VectorAutoEncoder
from recurra.ragged import Ragged
from recurra.state import named_leaves
from tests.laws.table import HIDDEN, IN, features

TOKENS = 9
Rows = Sequence[Any]


def over(module: Any, rows: Rows) -> list[Any]:
    """The module on the rows together: for each row its answer and, where there is one, its state."""
    return apart(module(Ragged.from_list(rows)), len(rows))


def apart(made: Any, count: int) -> list[Any]:
    """What belongs to each row of an answer."""
    if isinstance(made, Ragged):
        return made.to_list()
    if isinstance(made, Tensor):
        return list(made)
    if type(made) is tuple:
        parts = [apart(part, count) for part in made]
        return [list(row) for row in zip(*parts, strict=True)]
    leaves = named_leaves(made)  # a state
    return [{name: leaf[k] for name, leaf in leaves.items()} for k in range(count)]


@dataclass(frozen=True)
class Example:
    """How to build a module, the rows that it reads, and how it runs on them.

    Attributes:
        rows: lengths -> one row each (a tensor `[T, ...]`, or what `run` takes).
        run: the module, rows -> for each row its answer, a tree of tensors.
        empty: whether a row may be of length 0.
    """

    build: Callable[[], nn.Module]
    rows: Callable[..., Rows] = features
    run: Callable[[Any, Rows], list[Any]] = over
    empty: bool = True


def tokens(*lengths: int) -> Rows:
    return [torch.randint(TOKENS, (length,)) for length in lengths]


def wide(size: int) -> Callable[..., Rows]:
    return lambda *lengths: features(*lengths, size=size)


def pairs(first: Callable[..., Rows], second: Callable[..., Rows]) -> Callable[..., Rows]:
    """Two rows for each length, the second one of another length."""
    return lambda *lengths: list(zip(first(*lengths), second(*(n + 1 for n in lengths)), strict=True))


def attend(module: Any, rows: Rows) -> list[Any]:
    queries, memories = zip(*rows, strict=True)
    return apart(
        module.over_rows(Ragged.from_list(queries), module.remember(Ragged.from_list(memories)))[0], len(rows)
    )


def decode(module: Any, rows: Rows) -> list[Any]:
    targets, memories = zip(*rows, strict=True)
    vector = torch.stack([memory.sum(0) for memory in memories])
    state = module.begin(Ragged.from_list(memories), vector)
    return apart(module.run(Ragged.from_list(targets), state).y, len(rows))


def feed_back(module: AttentionFed, rows: Rows) -> list[Any]:
    targets, memories = zip(*rows, strict=True)
    remembered = module.attention.remember(Ragged.from_list(memories))
    module.make_room(remembered.values.shape[1])
    state = module.initial_state(len(rows))._replace(memory=remembered)
    y, _ = Recurrent(module)(Ragged.from_list(targets), state)
    return [row[:, : module.size] for row in y.to_list()]


def fed(module: nn.Module) -> nn.Module:
    """As after some training, which begins with nothing fed back."""
    for part in module.modules():
        if isinstance(part, AttentionFed):
            nn.init.uniform_(part.gain, 0.5, 1.5)
    return module


def translate(module: Any, rows: Rows) -> list[Any]:
    targets, sources = zip(*rows, strict=True)
    return apart(module(Ragged.from_list(sources), Ragged.from_list(targets)).logits, len(rows))


def tag_scores(module: Any, rows: Rows) -> list[Any]:
    scores = Ragged.from_list(rows)
    best = module.decode(scores)
    return [list(row) for row in zip(module(scores, best), best.to_list(), strict=True)]


def windows(size: int, length: int = 5) -> Callable[..., Rows]:
    """Dense rows, all of one length: what a forecaster reads."""
    return lambda *lengths: features(*(length for _ in lengths), size=size)


def forecast(module: Forecaster, rows: Rows) -> list[Any]:
    dense = torch.stack(list(rows))
    return list(
        module.mean(module(dense, dense.new_zeros(len(rows), dense.shape[1] + module.horizon.horizon, 0)))
    )


def ahead(module: Any, rows: Rows) -> list[Any]:
    dense = torch.stack(list(rows))
    known = dense.new_zeros(len(rows), module.horizon, 0)
    state = None if isinstance(module, DirectHorizon) else module.body.initial_state(len(rows))
    return list(module(dense, state, known))


def framed(module: Any, rows: Rows) -> list[Any]:
    dense = torch.stack(list(rows))
    inside, memo = module.enter(dense, 2)
    back = module.outside(module.inside(dense[:, :2, : module.targets], memo), memo)
    torch.testing.assert_close(back, dense[:, :2, : module.targets])
    return [list(row) for row in zip(inside, back, strict=True)]


def costs(module: Any, rows: Rows) -> list[Any]:
    raw = torch.stack(list(rows))[..., : module.size]
    targets = raw.new_zeros(raw.shape[:-1])
    if isinstance(module, outputs.Distance):
        return list(module.loss(raw.unsqueeze(2), raw.new_zeros(*raw.shape[:2], 1)))
    if isinstance(module, outputs.StrokeOutput):
        moves, pens = module.losses(raw, raw[..., :2], targets.long())
        return list(moves + pens)
    return list(module.loss(raw, targets) + module.mean(raw))


def words_of(rows: Rows) -> models.Words:
    ids = Ragged.from_list(rows)
    spelling = Ragged.from_list(
        [torch.arange(TOKENS, device=ids.data.device)[: k % 4] for k in range(TOKENS)]
    )
    return models.Words(ids, ids, ids, spelling)


def spelled(module: Any, rows: Rows) -> list[Any]:
    return apart(module(words_of(rows)), len(rows))


def encoded(module: Any, rows: Rows) -> list[Any]:
    y = module(words_of(rows))
    tags = [y.steps.with_data(scores).to_list() for scores in y.tags.values()]
    return [list(row) for row in zip(y.steps.to_list(), *tags, strict=True)]


def arcs(module: Any, rows: Rows) -> list[Any]:
    """Scores of heads and, with the first word as head, of labels; trees are in laws of their own."""
    steps = module(words_of(rows)).steps
    heads = steps.with_data((steps.step_of > 0).long())
    labels = steps.with_data(module.label_scores(steps, heads)).to_list()
    if isinstance(module, models.BiaffineParser):
        tables, lengths = module.arc_scores(steps)
        return [[t[:n, : n + 1], row] for t, n, row in zip(tables, lengths, labels, strict=True)]
    slots = torch.stack([steps.step_of, steps.step_of - 1, steps.step_of + 1, 0 * steps.step_of], 1)
    scores = steps.with_data(module.transition_scores(steps, module.slot_table(steps), steps.row_of, slots))
    return [list(row) for row in zip(scores.to_list(), labels, strict=True)]


def parse_encoder() -> models.ParseEncoder:
    words = models.WordFeatures(embed(), layers.CharLSTM(TOKENS, 3, 2))
    return models.ParseEncoder(words, gru(IN + 4), back(HIDDEN + 4), {"upos": 3, "xpos": 2}, 2, 0.5)


def drawn_pairs(parser: models.DependencyParser) -> models.DependencyParser:
    """As after some training, which begins with all pairs alike."""
    for name, weight in parser.named_parameters():
        if name in ("labels.weight", "arcs.weight", "label_root", "arc_root", "absent"):
            nn.init.normal_(weight)
    return parser


def span_scores(module: Any, rows: Rows) -> list[Any]:
    scores = module(models.Words(Ragged.from_list(rows)))
    counts = [length * (length + 1) // 2 for length in scores.places.lengths]
    parts = (scores.labels, scores.splits)
    return list(zip(*(torch.split(part, counts) for part in parts), strict=True))


def stories(*lengths: int) -> Rows:
    """For each length a question, and so many sentences."""
    return [
        (torch.randint(TOKENS, (length + 1,)), list(tokens(*(1 + k % 3 for k in range(length)))))
        for length in lengths
    ]


def story_answers(module: Any, rows: Rows) -> list[Any]:
    sentences = [sentence for _, story in rows for sentence in story] or [torch.zeros(0).long()]
    counts = torch.tensor([len(story) for _, story in rows])
    question = words_of([question for question, _ in rows])
    reply = module(models.Inquiry(question, words_of(sentences), counts))
    return list(zip(reply.scores, reply.looks, strict=True))


def spans(module: Any, rows: Rows) -> list[Any]:
    passages, questions = zip(*rows, strict=True)
    match = Ragged.from_list([row.unsqueeze(1) % 2 for row in passages])
    reply = module(models.Inquiry(words_of(questions), words_of(passages), match=match))
    ends = [scores[:, : len(row)] for scores, row in zip(reply.scores, passages, strict=True)]
    return list(zip(ends, reply.looks, strict=True))


def views(*lengths: int) -> Rows:
    """For each length a question, and a picture."""
    return [(torch.randint(TOKENS, (length,)), torch.randn(1, 6, 5, 2)) for length in lengths]


def view_answers(module: Any, rows: Rows) -> list[Any]:
    questions, pictures = zip(*rows, strict=True)
    reply = module(models.Inquiry(words_of(questions), torch.stack(pictures)))
    return list(zip(reply.scores, reply.looks, strict=True))


def frame_answers(module: Any, rows: Rows) -> list[Any]:
    frames, questions = zip(*rows, strict=True)
    reply = module(models.Inquiry(words_of(questions), Ragged.from_list(frames)))
    return list(zip(reply.scores, reply.looks, strict=True))


def transcript_answers(module: Any, rows: Rows) -> list[Any]:
    frames, questions = zip(*rows, strict=True)
    reply = module(models.Inquiry(words_of(questions), models.Sounds(Ragged.from_list(frames))))
    return list(zip(reply.scores, reply.looks, strict=True))


def both_ways(size: int = IN) -> Bidirectional:
    return Bidirectional(gru(size), back(size))


def question_encoder() -> models.RowEncoder:
    return models.RowEncoder(models.WordFeatures(embed()), gru(), layers.LastPool(HIDDEN))


def trees(*lengths: int) -> Rows:
    """For each length a tree of so many words, one at least: parents of its nodes, and the words' numbers."""
    rows = []
    for length in lengths:
        parents, waiting = [-1] * max(1, length), list(range(max(1, length)))
        while len(waiting) > 1:
            place = int(torch.randint(len(waiting) - 1, ()))
            for child in waiting[place : place + 2]:
                parents[child] = len(parents)
            waiting[place : place + 2] = [len(parents)]
            parents.append(-1)
        rows.append((parents, torch.randint(TOKENS, (max(1, length),))))
    return rows


def trees_of(rows: Rows) -> models.Trees:
    parents, words = [row[0] for row in rows], torch.cat([row[1] for row in rows])
    places, start = [], 0
    for numbers, row in rows:
        places.append(torch.full((len(numbers),), -1))
        places[-1][: len(row)] = torch.arange(start, start + len(row))  # leaves come first
        start += len(row)
    return models.Trees(models.Words(words), Forest.from_parents(torch.cat(places), parents))


def nodes_of(forest: Forest, rows: Rows) -> list[Tensor]:
    return list(forest.node_data().split([len(parents) for parents, _ in rows]))


def fold_trees(module: models.TreeEncoder, rows: Rows) -> list[Any]:
    nodes, roots = module(trees_of(rows))
    return [list(row) for row in zip(nodes_of(nodes, rows), roots, strict=True)]


def pair_up(module: models.PairClassifier, rows: Rows) -> list[Any]:
    sides = [row[side] for side in (0, 1) for row in rows]
    if isinstance(module.encoder, models.TreeEncoder):
        return list(module(trees_of(sides)))
    return list(module(Ragged.from_list(sides)))


def tree_encoder() -> models.TreeEncoder:
    return models.TreeEncoder(models.WordFeatures(embed()), cells.TreeLSTM(IN, HIDDEN), 0.3)


def row_encoder() -> models.RowEncoder:
    return models.RowEncoder(embed(), gru(), layers.LastPool(HIDDEN))


def films(*lengths: int) -> Rows:
    return [torch.randn(length, 6, 5, 2) for length in lengths]


def convolution() -> models.PictureConvolution:
    return models.PictureConvolution(6, 5, 2, [3, 4], [2, 1])


def one_by_one(module: Any, rows: Rows) -> list[Any]:
    maps = module(torch.cat(list(rows)))
    return list(torch.split(maps, [len(row) for row in rows]))


def gru(size: int = IN, hidden: int = HIDDEN) -> Recurrent:
    return Recurrent(GRU(size, hidden))


def back(size: int = IN, hidden: int = HIDDEN) -> Recurrent:
    return Recurrent(GRU(size, hidden), reverse=True)


def embed() -> models.TokenEmbedding:
    return models.TokenEmbedding(TOKENS, IN)


PAIRED = pairs(features, wide(2))

MODULES: dict[str, Example] = {
    # layers
    "recurrent": Example(lambda: Recurrent(LSTM(IN, HIDDEN))),
    "recurrent reverse": Example(back),
    "bidirectional": Example(lambda: Bidirectional(Recurrent(LSTM(IN, HIDDEN)), back())),
    "bidirectional sum": Example(lambda: Bidirectional(gru(), back(), "sum")),
    "stack": Example(
        lambda: Stack(gru(), Recurrent(cells.ProjectedLSTM(HIDDEN, 5, 2)), FeedForward(2, 3), dropout=0.5)
    ),
    "stack of both directions": Example(lambda: Stack(Bidirectional(gru(), back()), gru(2 * HIDDEN))),
    "skip_stack": Example(lambda: layers.SkipStack(gru(), gru(IN + HIDDEN), dropout=0.5)),
    "residual": Example(lambda: layers.Residual(Recurrent(cells.Zoneout(LSTM(IN, IN))))),
    "latency_controlled": Example(lambda: layers.LatencyControlled(gru(), back(), chunk=2, lookahead=1)),
    "feed_forward": Example(lambda: FeedForward(IN, 2)),
    "convolution": Example(lambda: layers.Convolution(IN, 2)),
    "convolution of one step": Example(lambda: layers.Convolution(IN, 2, width=1)),
    "downsample": Example(lambda: Downsample(IN, 2)),
    "stack of fewer steps": Example(
        lambda: Stack(
            layers.RunningNorm(IN),
            layers.Convolution(IN, 3, width=5),
            Downsample(3, 2),
            layers.LatencyControlled(gru(6), back(6), chunk=2, lookahead=1),
        )
    ),
    "running_norm": Example(lambda: layers.RunningNorm(IN, prior=2.0)),
    "utterance_norm": Example(lambda: layers.UtteranceNorm(IN)),
    "voice_change": Example(lambda: layers.VoiceChange(IN, 0.2, 0.1, 0.1)),
    "spec_augment": Example(lambda: layers.SpecAugment(IN, width=2, length=3)),
    "locked_dropout": Example(lambda: LockedDropout(IN, 0.4)),
    "weight_noise": Example(lambda: WeightNoise(gru(), 0.1)),
    "last_pool": Example(lambda: layers.LastPool(IN)),
    "mean_pool": Example(lambda: layers.MeanPool(IN)),
    "max_pool": Example(lambda: layers.MaxPool(IN)),
    "attention_pool": Example(lambda: layers.AttentionPool(IN, 2)),
    "ends_pool": Example(lambda: EndsPool(IN, 2)),
    "projected_pool": Example(lambda: ProjectedPool(layers.LastPool(IN), 2)),
    "char_lstm": Example(lambda: layers.CharLSTM(TOKENS, 3, 2), tokens),
    "char_cnn": Example(lambda: layers.CharCNN(TOKENS, 3, 2), tokens),
    "crf": Example(lambda: layers.CRF(["O", "B-x", "I-x"], scheme="bio"), features, tag_scores),
    # attention
    "additive_attention": Example(lambda: AdditiveAttention(IN, 2, 5), PAIRED, attend),
    "dot_attention": Example(lambda: DotAttention(2, 2), pairs(wide(2), wide(2)), attend),
    "scaled_dot_attention": Example(lambda: ScaledDotAttention(2, 2), pairs(wide(2), wide(2)), attend),
    "general_attention": Example(lambda: GeneralAttention(IN, 2), PAIRED, attend),
    "local_attention": Example(lambda: LocalAttention(GeneralAttention(IN, 2), 2), PAIRED, attend),
    "attention_fed": Example(
        lambda: fed(AttentionFed(gru(IN + 2), AdditiveAttention(HIDDEN, 2), 2)), PAIRED, feed_back
    ),
    # models
    "token_embedding": Example(embed, tokens),
    "token_embedding in part tuned": Example(lambda: models.TokenEmbedding(TOKENS, IN, tuned=4), tokens),
    "one_hot": Example(lambda: models.OneHot(TOKENS), tokens),
    "vectors": Example(lambda: models.Vectors(IN)),
    "word_features": Example(
        lambda: models.WordFeatures(embed(), layers.CharLSTM(TOKENS, 3, 2), shapes=TOKENS), tokens, spelled
    ),
    "picture_convolution": Example(convolution, films, one_by_one),
    "picture_vectors": Example(lambda: models.PictureVectors(convolution(), 3), films),
    "picture_places": Example(lambda: models.PicturePlaces(convolution()), films),
    "parse_encoder": Example(parse_encoder, tokens, encoded),
    "biaffine_parser": Example(
        lambda: drawn_pairs(models.BiaffineParser(parse_encoder(), 3, 4, 2, 0.5)), tokens, arcs
    ),
    "arc_hybrid_parser": Example(
        lambda: drawn_pairs(models.ArcHybridParser(parse_encoder(), 3, 4, 2, 0.5)), tokens, arcs
    ),
    "tree_encoder": Example(tree_encoder, trees, fold_trees),
    "tree_classifier": Example(
        lambda: models.TreeClassifier(tree_encoder(), 3, 0.5),
        trees,
        lambda module, rows: nodes_of(module(trees_of(rows)), rows),
    ),
    "row_encoder": Example(row_encoder, tokens),
    "pair_classifier": Example(
        lambda: models.PairClassifier(tree_encoder(), 4, 3, 0.5), pairs(trees, trees), pair_up
    ),
    "pair_classifier of rows": Example(
        lambda: models.PairClassifier(row_encoder(), 4, 3, 0.5), pairs(tokens, tokens), pair_up
    ),
    "memory_network": Example(lambda: models.MemoryNetwork(TOKENS, 4, 3), stories, story_answers),
    "memory_network of one table": Example(
        lambda: models.MemoryNetwork(TOKENS, 4, 3, 2, tying="layer"), stories, story_answers
    ),
    "memory_network of words": Example(
        lambda: models.MemoryNetwork(TOKENS, 4, 3, blanks=True, longest=5, answers=[1, 3, 0]),
        stories,
        story_answers,
    ),
    "entity_reader": Example(
        lambda: models.EntityReader(TOKENS, cells.EntityNetwork(4, 4), 3, 2), stories, story_answers
    ),
    "row_answerer": Example(
        lambda: models.RowAnswerer(question_encoder(), 3),
        tokens,
        lambda module, rows: list(module(models.Inquiry(words_of(rows))).scores),
    ),
    "aligned_attention": Example(lambda: models.AlignedAttention(IN), pairs(wide(IN), wide(IN)), attend),
    "span_reader": Example(
        lambda: models.SpanReader(
            models.WordFeatures(embed()),
            both_ways(2 * IN + 1),
            both_ways(),
            layers.AttentionPool(2 * HIDDEN),
            match=1,
            align=models.AlignedAttention(IN),
        ),
        pairs(tokens, tokens),
        spans,
    ),
    "span_reader without attention": Example(
        lambda: models.SpanReader(
            models.WordFeatures(embed()),
            both_ways(IN + 2 * HIDDEN),
            both_ways(),
            layers.MeanPool(2 * HIDDEN),
            bilinear=False,
        ),
        pairs(tokens, tokens),
        spans,
    ),
    "flow_reader": Example(
        lambda: models.FlowReader(
            models.WordFeatures(embed()),
            both_ways(),
            both_ways(8 * HIDDEN + 1),
            both_ways(2 * HIDDEN),
            match=1,
        ),
        pairs(tokens, tokens),
        spans,
    ),
    "place_answerer": Example(
        lambda: models.PlaceAnswerer(models.PicturePlaces(convolution()), question_encoder(), 3, 5),
        views,
        view_answers,
    ),
    "distance_answerer": Example(
        lambda: models.DistanceAnswerer(models.PicturePlaces(convolution()), question_encoder(), 3, 5),
        views,
        view_answers,
    ),
    "relation_network": Example(
        lambda: models.RelationNetwork(models.PicturePlaces(convolution()), question_encoder(), 3, 5),
        views,
        view_answers,
    ),
    "frame_answerer": Example(
        lambda: models.FrameAnswerer(
            models.Vectors(IN),
            Downsample(IN, 2),
            question_encoder(),
            both_ways(2 * IN + HIDDEN),
            layers.MeanPool(2 * HIDDEN),
            AdditiveAttention(HIDDEN, 2 * HIDDEN),
            3,
            5,
        ),
        pairs(features, tokens),
        frame_answers,
    ),
    "transcript_answerer": Example(
        lambda: models.TranscriptAnswerer(
            models.Transcriber(models.Vectors(IN), Stack(Downsample(IN, 2), gru(2 * IN)), 3),
            question_encoder(),
            both_ways(2 * 4 + HIDDEN),
            layers.MeanPool(2 * HIDDEN),
            AdditiveAttention(HIDDEN, 2 * HIDDEN),
            3,
            5,
        ),
        pairs(features, tokens),
        transcript_answers,
    ),
    "bag": Example(lambda: models.Bag(embed(), [4], 2), tokens),
    "language_model": Example(lambda: models.LanguageModel(embed(), gru(), TOKENS), tokens),
    "language_model tied": Example(
        lambda: models.LanguageModel(embed(), gru(IN, IN), TOKENS, tied=True), tokens
    ),
    "tagger": Example(lambda: models.Tagger(embed(), Bidirectional(gru(), back()), 3), tokens),
    "tagger crf": Example(lambda: models.Tagger(embed(), gru(), 3, layers.CRF(3)), tokens),
    "transcriber": Example(
        lambda: models.Transcriber(models.Vectors(IN), Stack(Downsample(IN, 2), gru(2 * IN)), 3)
    ),
    "many_to_one": Example(lambda: models.ManyToOne(embed(), gru(), layers.LastPool(HIDDEN), 2), tokens),
    "many_to_one mean": Example(
        lambda: models.ManyToOne(embed(), back(), layers.MeanPool(HIDDEN), 2), tokens
    ),
    "regressor": Example(
        lambda: models.Regressor(models.ManyToOne(models.Vectors(IN), gru(), layers.LastPool(HIDDEN), 2), 2)
    ),
    "step_answers": Example(lambda: StepAnswers(models.Vectors(IN), gru(), 3)),
    "note_model": Example(lambda: NoteModel(models.Vectors(IN), gru(), 3)),
    "stroke_model": Example(lambda: StrokeModel(models.Vectors(IN), gru(), outputs.StrokeOutput(2))),
    "span_parser": Example(
        lambda: models.SpanParser(
            ParseEncoder(
                models.WordFeatures(embed()),
                Bidirectional(gru(), back()),
                Bidirectional(gru(2 * HIDDEN + 2), back(2 * HIDDEN + 2)),
                {"tags": 3},
                tag_size=2,
                dropout=0.3,
            ),
            4,
            hidden=5,
            dropout=0.3,
            splits=True,
        ),
        tokens,
        span_scores,
        empty=False,
    ),
    # encoder and decoder
    "vector_decoder": Example(lambda: VectorDecoder(gru(IN + 2), 2, 4), PAIRED, decode),
    "attention_decoder": Example(
        lambda: AttentionDecoder(gru(), GeneralAttention(HIDDEN, 2), 2, 4), PAIRED, decode
    ),
    "fed_decoder": Example(
        lambda: fed(FedDecoder(gru(IN + 2), AdditiveAttention(HIDDEN, 2), 2, 2)), PAIRED, decode
    ),
    "encoder_decoder": Example(
        lambda: EncoderDecoder(
            embed(),
            gru(),
            layers.LastPool(HIDDEN),
            embed(),
            VectorDecoder(gru(IN + HIDDEN), HIDDEN, 4),
            TOKENS,
        ),
        pairs(tokens, tokens),
        translate,
    ),
    "vector_autoencoder": Example(
        lambda: VectorAutoEncoder(models.Vectors(IN), gru(), layers.LastPool(HIDDEN), gru(HIDDEN)),
        features,
        lambda module, rows: module(Ragged.from_list(rows))[0].to_list(),
    ),
    # series
    "forecaster": Example(
        lambda: Forecaster(frames.Scaling(IN, 2), gru(), DirectHorizon(HIDDEN, 2, 4), outputs.Gaussian()),
        windows(IN),
        forecast,
    ),
    "patch_forecaster": Example(
        lambda: PatchForecaster(
            frames.Scaling(2, 2, anchor="last", spread=True),
            gru(3),
            DirectHorizon(HIDDEN, 2, 2),
            outputs.Gaussian(),
            patch=3,
        ),
        windows(2, 6),
        forecast,
    ),
    "scaling": Example(lambda: frames.Scaling(IN, 2, anchor="last", differences=True), windows(IN), framed),
    "series_scaling": Example(lambda: frames.SeriesScaling(IN, 2, anchor="last"), windows(3 * IN), framed),
    "heading": Example(lambda: frames.Heading(), windows(2), framed),
    "direct_horizon": Example(lambda: DirectHorizon(IN, 2, 4), windows(IN), ahead),
    "recurrent_horizon": Example(lambda: RecurrentHorizon(gru(1), 2, 4), windows(IN), ahead),
    "point": Example(lambda: outputs.Point(), windows(1), costs),
    "distance": Example(lambda: outputs.Distance(), windows(1), costs),
    "gaussian": Example(lambda: outputs.Gaussian(), windows(2), costs),
    "gaussian_mixture": Example(lambda: outputs.GaussianMixture(2), windows(6), costs),
    "quantiles": Example(lambda: outputs.Quantiles(), windows(3), costs),
    "stroke_output": Example(lambda: outputs.StrokeOutput(2), windows(15), costs),
}
"""Name -> example; the first word is the registered name."""


def build_module(name: str) -> nn.Module:
    """The named module in double, out of training, with weights drawn anew from the same seed."""
    torch.manual_seed(0)
    return MODULES[name].build().double().eval()
