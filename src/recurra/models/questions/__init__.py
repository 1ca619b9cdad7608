"""Models that answer a question from evidence: sentences, a passage, a picture, a recording."""

from recurra.models.questions.aligned_attention import AlignedAttention
from recurra.models.questions.distance_answerer import DistanceAnswerer
from recurra.models.questions.entity_reader import EntityReader
from recurra.models.questions.flow_reader import FlowReader
from recurra.models.questions.frame_answerer import FrameAnswerer
from recurra.models.questions.inquiry import Inquiry, Reply
from recurra.models.questions.memory_network import MemoryNetwork
from recurra.models.questions.place_answerer import PlaceAnswerer
from recurra.models.questions.relation_network import RelationNetwork
from recurra.models.questions.row_answerer import RowAnswerer
from recurra.models.questions.span_reader import SpanReader
from recurra.models.questions.transcript_answerer import Sounds, TranscriptAnswerer

__all__ = [
    "AlignedAttention",
    "DistanceAnswerer",
    "EntityReader",
    "FlowReader",
    "FrameAnswerer",
    "Inquiry",
    "MemoryNetwork",
    "PlaceAnswerer",
    "RelationNetwork",
    "Reply",
    "RowAnswerer",
    "Sounds",
    "SpanReader",
    "TranscriptAnswerer",
]
