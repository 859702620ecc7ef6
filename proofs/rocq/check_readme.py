"""Check that README.md quotes the sources: every Coq block word for word, and every theorem of every file."""

import re
import sys
from pathlib import Path

sources = {path: Path(path).read_text(encoding="utf-8") for path in sys.argv[1:]}
readme = Path("README.md").read_text(encoding="utf-8")
blocks = re.findall(r"```coq\n(.*?)```", readme, re.DOTALL)
quotes = [quote.strip() for block in blocks for quote in re.split(r"\n\s*\n", block)]
faults = [f"not in the sources:\n{quote}" for quote in quotes if not any(quote in text for text in sources.values())]
for path, text in sources.items():
    for kind, name in re.findall(r"^(Theorem|Corollary) (\w+)", text, re.MULTILINE):
        if not any(re.match(rf"{kind} {name}\b", quote) for quote in quotes):
            faults.append(f"{path}: {name} is not quoted in README.md")
print("\n".join(faults) or f"README.md quotes {len(quotes)} definitions and theorems of the sources")
sys.exit(bool(faults))
