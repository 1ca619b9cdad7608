"""Forecasts of measurements: many to many over real vectors."""

from recurra.tasks.forecast.task import ForecastTask

__all__ = ["ForecastTask"]
