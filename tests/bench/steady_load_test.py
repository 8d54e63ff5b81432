#!/usr/bin/python3
"""What bench/steady_load.py makes of replies and of samples."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from steady_load import Sample, back_under, between, longest_gap, percentile, reply_kind  # noqa: E402


def samples_of(*took, every=0.01, begin=0.0):
    """One operation every 10 ms, that took so long each."""
    return [Sample(begin + i * every, begin + i * every + seconds, "ok", False) for i, seconds in enumerate(took)]


class Replies(unittest.TestCase):
    def test_complete_ones_have_a_kind(self):
        for data in (b"+OK\r\n", b"$-1\r\n", b"$0\r\n\r\n", b"$3\r\nabc\r\n"):
            self.assertEqual(reply_kind(data), "ok", data)
        self.assertEqual(reply_kind(b"-INDOUBT write may have been applied\r\n"), "INDOUBT")

    def test_incomplete_ones_have_none(self):
        whole = b"$3\r\nabc\r\n"
        for size in range(len(whole)):
            self.assertIsNone(reply_kind(whole[:size]), whole[:size])


class Figures(unittest.TestCase):
    def test_percentiles(self):
        samples = samples_of(*[i / 1000 for i in range(100)])
        self.assertAlmostEqual(percentile(samples, 0.5), 0.050)
        self.assertAlmostEqual(percentile(samples, 0.99), 0.099)
        self.assertAlmostEqual(percentile(samples, 1.0), 0.099)
        self.assertEqual(percentile([], 0.99), 0)

    def test_operations_belong_to_when_they_were_due(self):
        samples = samples_of(5.0, 0.001, 0.001)
        self.assertEqual(between(samples, 0, 0.01), samples[:1])

    def test_gap_counts_successes_only(self):
        samples = [Sample(0, done, kind, False) for done, kind in ((0.1, "ok"), (0.3, "INDOUBT"), (0.9, "ok"))]
        self.assertAlmostEqual(longest_gap(samples, 0, 1), 0.8)

    def test_gap_at_the_end_and_with_nothing_at_all(self):
        samples = [Sample(0, 0.1, "ok", False)]
        self.assertAlmostEqual(longest_gap(samples, 0, 2), 1.9)
        self.assertAlmostEqual(longest_gap([], 0, 2), 2)


class Recovery(unittest.TestCase):
    def test_at_once(self):
        self.assertEqual(back_under(samples_of(*[0.001] * 200), 0, 2, 0.002), 0)

    def test_after_the_first_good_windows_in_a_row(self):
        # Bad for 0.5 s, good for one window, bad for one, then good for good.
        took = [0.1] * 50 + [0.001] * 25 + [0.1] * 25 + [0.001] * 100
        self.assertAlmostEqual(back_under(samples_of(*took), 0, 2, 0.002), 1.0)

    def test_never(self):
        self.assertIsNone(back_under(samples_of(*[0.1] * 200), 0, 2, 0.002))
        # Silence isn't recovery.
        self.assertIsNone(back_under([], 0, 2, 0.002))


if __name__ == "__main__":
    unittest.main()
