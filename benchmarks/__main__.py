"""Run every benchmark, or those named: `python -m benchmarks frames ledger`."""

import importlib
import json
import pkgutil
import sys
from pathlib import Path


def names() -> list[str]:
    """Modules here that have a `run()`."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if not module.name.startswith(("_", "learn")))


def main(wanted: list[str]) -> int:
    """Print one JSON line a benchmark."""
    unknown = set(wanted) - set(names())
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(names())}")
        return 2
    for name in wanted or names():
        module = importlib.import_module(f"benchmarks.{name}")
        print(json.dumps({"benchmark": name, **module.run()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
