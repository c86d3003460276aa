"""Run every benchmark, or those named: `python -m benchmarks frames ledger`."""

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path


def names() -> list[str]:
    """Modules here that have a `run()`."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if not module.name.startswith(("_", "learn")))


def main(wanted: list[str]) -> int:
    """Print one JSON line a benchmark; several have a process each, so that memory is its own."""
    if wanted[:1] == ["linking"] and "--sealed" in wanted:
        return subprocess.run([sys.executable, "-m", "benchmarks.linking", *wanted[1:]]).returncode
    unknown = set(wanted) - set(names())
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(names())}")
        return 2
    if len(wanted) == 1:
        module = importlib.import_module(f"benchmarks.{wanted[0]}")
        print(json.dumps({"benchmark": wanted[0], **module.run()}), flush=True)
        return 0
    runs = [subprocess.run([sys.executable, "-m", "benchmarks", n]) for n in wanted or names()]
    return max(run.returncode for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
