"""How long `import nctheory` takes in a fresh process, beside a bare Python and `import numpy`."""

import subprocess
import sys

from machine import best_time, machine


def seconds(code: str) -> float:
    """The best of ten fresh processes."""
    return best_time(lambda: subprocess.run([sys.executable, "-c", code], check=True), repeats=10)[0]


if __name__ == "__main__":
    print(machine())
    bare = seconds("pass")
    for name in ("nctheory", "numpy"):
        print(f"import {name:9} {seconds(f'import {name}') - bare:6.3f} s more than a bare Python ({bare:.3f} s)")
