"""The benchmark of sockets, at its smallest: every side gets every frame, or it would not end."""

from benchmarks.sockets import run


def test_the_benchmark_of_sockets_runs_and_compares_with_a_bare_socket() -> None:
    told = run(frames=300, rounds=1)
    assert told["bytes_a_frame"] == 900
    assert min(told["bare_per_s"], told["picows_per_s"], told["websockets_per_s"]) > 0
