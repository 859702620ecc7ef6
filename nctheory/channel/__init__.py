"""The Gaussian channel: exponent of a configuration, the best possible one, and certified optimality."""

from nctheory.channel.decoder import best_decoder
from nctheory.channel.optimality import Gap, Shares, certify, optimum
from nctheory.channel.pairs import AttainingPairs, exponent

__all__ = ["AttainingPairs", "Gap", "Shares", "best_decoder", "certify", "exponent", "optimum"]
