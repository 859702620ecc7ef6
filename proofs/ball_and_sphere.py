"""Points of the unit ball that are at distance 1 or more from each other do not come closer on the sphere.

Radial projection: x and y, of norms b <= a <= 1, at a distance D of at least 1, have an angle whose cosine is at most
1 - D^2 / 2. So the largest least distance of K points is the same in the ball and on the sphere where it is at least 1.
"""

from nctheory.symbolic import Fact, Proof, proposition


@proposition(
    "Two nonzero points of the unit ball at squared distance D >= 1 have an angle of cosine at most 1 - D / 2, so they "
    "are at squared distance at least D after division by their norms.",
    mutants={
        "any distance": {"least": 0},
        "a ball of radius 2": {"radius": 2},
        "points outside": {"drop": ["ball"]},
        "nearer than D": {"drop": ["distance"]},
    },
)
def ball_and_sphere(p: Proof, least=1, radius=1):
    b, s, D = p.symbol("b", above=0), p.symbol("s", least=0), p.symbol("D", least=least)
    a, inner = b + s, p.symbol("<x, y>")  # the norms are a >= b > 0
    ball = p.given("ball", Fact(radius - a, ">= 0"), "The longer of both points is in the ball.")
    apart = p.given(
        "distance", Fact(a**2 + b**2 - 2 * inner - D, ">= 0"), "And they are at squared distance D or more."
    )
    longer = p.follows(Fact(1 - a**2, ">= 0"), "The square of its norm is at most 1.", [(1 + a, ball)])
    spread = p.sign(
        Fact(D * a * (a - b) - (a - b) ** 2, ">= 0"),
        "(a - b)^2 is at most a (a - b), and that at most D times as much.",
    )
    room = p.follows(
        Fact(D * (1 - a * b) - (a - b) ** 2, ">= 0"),
        "So it is at most D (1 - ab) = D (1 - a^2) + D a (a - b).",
        [(D, longer), (1, spread)],
    )
    cosine = p.follows(
        Fact(1 - D / 2 - inner / (a * b), ">= 0"),
        "2 <x, y> <= a^2 + b^2 - D <= 2ab (1 - D / 2): the cosine is at most 1 - D / 2.",
        [(1, apart), (1, room)],
        times=2 * a * b,
    )
    x_y = {("x", "x"): a**2, ("x", "y"): inner, ("y", "x"): inner, ("y", "y"): b**2}
    unit = sum(u * v * x_y[x, y] for x, u in (("x", 1 / a), ("y", -1 / b)) for y, v in (("x", 1 / a), ("y", -1 / b)))
    p.concludes(
        "After division by the norms, the squared distance is at least D.",
        p.follows(Fact(unit - D, ">= 0"), "|x / a - y / b|^2 = 2 - 2 cos.", [(2, cosine)]),
    )
