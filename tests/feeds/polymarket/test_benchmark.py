"""The benchmark of frames, at its smallest: it proves its own result."""

from benchmarks.frames import run


def test_the_benchmark_runs_and_compares_with_the_floor() -> None:
    told = run(count=300, rounds=1)
    assert told["floor_us"] > 0
    assert told["apply_ratio"] >= 1
    assert told["bytes_a_frame"] > 500
