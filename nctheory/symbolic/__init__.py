"""Proofs for every number of classes: steps in SymPy, each checked while K, n, lambda and the rest stay symbols.

A `Proof` is a list of steps. Each states a fact, an expression that is zero, positive or not negative, and names the
rule by which it follows; the rule is checked by exact algebra, and a step that cannot be checked fails. Nothing is
substituted for a symbol, nothing is evaluated in floats. What is taken from elsewhere is a lemma with a reference, and
counts as assumed. All symbols are real numbers within their bounds; a fact that names classes i and j holds for all
classes that are different, and there are as many as it took to show it. The rules:

- given: a hypothesis of the theorem;
- identity: the difference of both sides is zero as a rational function (or after SymPy's exact simplification), and
  no denominator vanishes;
- sign: the factors of an expression have known signs where its symbols have theirs;
- follows: the conclusion is a combination of earlier facts, with multipliers of known sign, plus squares;
- summed, each, part, renamed: what holds for generic classes i and j holds in sum, and for others; a sum of terms of
  one sign that is zero has zero terms; some of them are at most the sum;
- exchanged, product, divided: sums in another order; products and quotients of what is positive;
- squeezed, root, null: what is >= 0 and <= 0 is zero, as is what has the square zero; a vector of norm zero is
  orthogonal to all others;
- spectrum, rank, definite: the eigenvalues of aI + bJ, from its two isotypic blocks, and what follows from them;
- monotone: the sign of a derivative;
- tangent: exp(x) >= 1 + x.
"""

from nctheory.symbolic.algebra import CompoundSymmetric, pair_total, total
from nctheory.symbolic.proof import Fact, Proof, Proposition, Step, proposition

__all__ = ["CompoundSymmetric", "Fact", "Proof", "Proposition", "Step", "pair_total", "proposition", "total"]
