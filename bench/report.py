"""The table that bench/cluster prints: one line per figure, as soon as it is taken."""

import sys


def micro(seconds):
    return f"{seconds * 1e6:.2f} us"


def milli(seconds):
    return f"{seconds * 1e3:.2f} ms"


def plain_seconds(seconds):
    return f"{seconds:.2f} s"


def bytes_of(size):
    return f"{size / 1e6:.2f} MB" if abs(size) >= 1e6 else f"{size / 1e3:.1f} KB"


def count_bytes(number):
    return f"{number:.1f} B"


def bytes_per_second(rate):
    return f"{rate / 1e6:.1f} MB/s"


def count(number):
    return f"{number:.0f}"


class Report:
    """`failed` counts the bars that were not met."""

    def __init__(self):
        self.failed = 0
        self.bars = 0
        self.begun = False

    def line(self, what, figure, show, anchor=None, anchor_name="", bar=None):
        """A figure beside its anchor (Redis, the same cluster in health ...); the bar is on their ratio."""
        ratio = figure / anchor if anchor else None
        self.print(what, show(figure), f"{show(anchor)} {anchor_name}".strip() if anchor is not None else "",
                   f"{ratio:.2f}" if ratio is not None else "", f"<= {bar:.2f} x" if bar is not None else "",
                   None if bar is None or ratio is None else ratio <= bar)

    def limit(self, what, figure, show, bar, anchor=""):
        """A figure that the bar bounds by itself; figure None: it was not reached at all."""
        self.print(what, "not reached" if figure is None else show(figure), anchor, "",
                   f"<= {show(bar)}", figure is not None and figure <= bar)

    def print(self, what, figure, anchor, ratio, bar, met):
        if not self.begun:
            print("| what | Torc | anchor | ratio | bar | met |\n|---|---|---|---|---|---|")
            self.begun = True
        said = "" if met is None else "yes" if met else "NO"
        self.bars += met is not None
        self.failed += met is False
        print(f"| {what} | {figure} | {anchor} | {ratio} | {bar} | {said} |", flush=True)

    @staticmethod
    def note(text):
        """What goes on, for whoever waits; the table stays clean."""
        print(f"  {text}", file=sys.stderr, flush=True)
