"""Recurra: write one step of a recurrent network and get the whole of it, fast, streaming and explained."""

__version__ = "0.1.0"
