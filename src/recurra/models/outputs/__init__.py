"""What a network's last numbers say about a number to come: itself, its quantiles, its distribution."""

from recurra.models.outputs.base import Output
from recurra.models.outputs.distance import Distance
from recurra.models.outputs.gaussian import Gaussian
from recurra.models.outputs.mixture import GaussianMixture
from recurra.models.outputs.point import Point
from recurra.models.outputs.quantiles import Quantiles
from recurra.models.outputs.strokes import StrokeOutput

__all__ = ["Distance", "Gaussian", "GaussianMixture", "Output", "Point", "Quantiles", "StrokeOutput"]
