"""Models: an input, layers over time, and what is read off them."""

import recurra.cells
import recurra.decode
import recurra.layers
import recurra.loop  # noqa: F401
from recurra.layers.inputs import Input, OneHot, TokenEmbedding, Vectors
from recurra.models.arc_hybrid_parser import ArcHybridParser
from recurra.models.bag import Bag
from recurra.models.biaffine_parser import BiaffineParser
from recurra.models.decoders import AttentionDecoder, Decoded, Decoder, FedDecoder, VectorDecoder
from recurra.models.dependency_parser import Analysed, DependencyParser
from recurra.models.encoder_decoder import EncoderDecoder
from recurra.models.forecaster import Forecaster
from recurra.models.head import LinearHead
from recurra.models.horizon import DirectHorizon, Horizon, RecurrentHorizon
from recurra.models.language_model import LanguageModel
from recurra.models.many_to_one import ManyToOne
from recurra.models.note_model import NoteModel
from recurra.models.pair_classifier import PairClassifier, RowEncoder
from recurra.models.parse_encoder import Encoded, ParseEncoder
from recurra.models.patch_forecaster import PatchForecaster
from recurra.models.pictures import (
    PictureConvolution,
    PictureNorm,
    PicturePlaces,
    Pictures,
    PictureVectors,
)
from recurra.models.questions import (
    AlignedAttention,
    DistanceAnswerer,
    EntityReader,
    FlowReader,
    FrameAnswerer,
    Inquiry,
    MemoryNetwork,
    PlaceAnswerer,
    RelationNetwork,
    Reply,
    RowAnswerer,
    Sounds,
    SpanReader,
    TranscriptAnswerer,
)
from recurra.models.regressor import Regressor
from recurra.models.span_parser import SpanParser, SpanPlaces, SpanScores
from recurra.models.step_answers import StepAnswers
from recurra.models.stepwise import Stepwise
from recurra.models.stroke_model import StrokeModel
from recurra.models.tagger import Tagger
from recurra.models.transcriber import Transcriber, steps_needed
from recurra.models.trees import TreeClassifier, TreeEncoder, Trees
from recurra.models.vector_autoencoder import VectorAutoEncoder
from recurra.models.word_features import WordFeatures, Words

__all__ = [
    "AlignedAttention",
    "Analysed",
    "ArcHybridParser",
    "AttentionDecoder",
    "Bag",
    "BiaffineParser",
    "Decoded",
    "Decoder",
    "DependencyParser",
    "DirectHorizon",
    "DistanceAnswerer",
    "Encoded",
    "EncoderDecoder",
    "EntityReader",
    "FedDecoder",
    "FlowReader",
    "Forecaster",
    "FrameAnswerer",
    "Horizon",
    "Input",
    "Inquiry",
    "LanguageModel",
    "LinearHead",
    "ManyToOne",
    "MemoryNetwork",
    "NoteModel",
    "OneHot",
    "PairClassifier",
    "ParseEncoder",
    "PatchForecaster",
    "PictureConvolution",
    "PictureNorm",
    "PicturePlaces",
    "PictureVectors",
    "Pictures",
    "PlaceAnswerer",
    "RecurrentHorizon",
    "Regressor",
    "RelationNetwork",
    "Reply",
    "RowAnswerer",
    "RowEncoder",
    "Sounds",
    "SpanParser",
    "SpanPlaces",
    "SpanReader",
    "SpanScores",
    "StepAnswers",
    "Stepwise",
    "StrokeModel",
    "Tagger",
    "TokenEmbedding",
    "Transcriber",
    "TranscriptAnswerer",
    "TreeClassifier",
    "TreeEncoder",
    "Trees",
    "VectorAutoEncoder",
    "VectorDecoder",
    "Vectors",
    "WordFeatures",
    "Words",
    "steps_needed",
]
