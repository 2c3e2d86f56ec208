"""Judges the samples of a soak and writes its report."""
import csv
import os
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# Bounds after the warm-up. GROWTH is for the trend in the whole time after it. A trend needs many faults, because memory follows
# them. PEAK is for the greatest memory: how many records wait in an outage also depends on how busy the machine is.
GROWTH_SHARE, GROWTH_OCTETS = 0.05, 32 << 20
PEAK_SHARE = 0.2
TREND_S = 600
# More descriptors at one moment are no growth: connections of Prometheus and of control clients, several for each sample on a
# busy machine.
MORE_AT_A_MOMENT = {"threads": 0, "descriptors": 12}
MORE_IN_THE_MEDIAN = 1


def mib(octets):
    return f"{octets / (1 << 20):.1f} MiB"


def slope(times, values):
    """Returns the median of the slopes of many pairs of samples (Theil and Sen), which peaks hardly change."""
    half = len(times) // 2
    return statistics.median((values[i + half] - values[i]) / (times[i + half] - times[i]) for i in range(half))


class Report:
    """The samples of a run, what was wrong, and what the report says besides. `arguments` are those of tests/soak/run."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.rows, self.wrong, self.notes, self.faults = [], [], [], {}
        self.path = os.path.join(arguments.folder, "samples.csv")

    def add(self, seconds, fault, warm, row, wrong):
        """Adds a sample, also to the file, so that the samples of a soak that still runs can be drawn."""
        self.rows.append({"seconds": round(seconds, 1), "fault": fault, "warm": int(warm), **row})
        with open(self.path, "a" if self.rows[1:] else "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            if not self.rows[1:]:
                writer.writeheader()
            writer.writerow(self.rows[-1])
        if wrong:
            self.fail(f"at {seconds:.0f} s: {wrong}")

    def fail(self, what):
        self.wrong.append(what)

    def note(self, what):
        self.notes.append(what)

    def stopped(self, run):
        self.note(f"stopped in {run.seconds:.2f} s")

    def compare(self, what, delivered, arrived, more_than_once=False):
        """`more_than_once`: the receiver may get a record again whose confirmation was lost."""
        self.note(f"{what}: {delivered:,} delivered, {arrived:,} arrived")
        if delivered > arrived or delivered < arrived and not more_than_once:
            self.fail(f"{what}: {delivered:,} records delivered, but {arrived:,} arrived")

    # --- Verdict ---

    def judge(self):
        before = [row for row in self.rows if not row["warm"]]
        after = [row for row in self.rows if row["warm"]]
        if len(before) < 10 or len(after) < 10:
            self.fail(f"too few samples: {len(before)} in the warm-up, {len(after)} after it")
            return
        self.judge_memory(before, after)
        self.judge_counts(before, after)

    def judge_memory(self, before, after):
        peak_before, peak_after = (max(row["rss"] for row in rows) for rows in (before, after))
        times = [row["seconds"] for row in after]
        grown = slope(times, [row["rss"] for row in after]) * (times[-1] - times[0])
        bound = max(GROWTH_OCTETS, GROWTH_SHARE * peak_before)
        self.note(f"resident: {mib(self.rows[0]['rss'])} at the first sample, at most {mib(peak_before)} in the warm-up and "
                  f"{mib(peak_after)} after it; trend after it {mib(grown)} in {times[-1] - times[0]:.0f} s")
        if peak_after > peak_before * (1 + PEAK_SHARE):
            self.fail(f"memory has grown after the warm-up: from {mib(peak_before)} to {mib(peak_after)}")
        if grown > bound and times[-1] - times[0] >= TREND_S:
            self.fail(f"memory grows: by {mib(grown)} after the warm-up, expected at most {mib(bound)}")

    def judge_counts(self, before, after):
        for what, more in MORE_AT_A_MOMENT.items():
            peak_before, peak_after = (max(row[what] for row in rows) for rows in (before, after))
            quarter = len(after) // 4
            first, last = (statistics.median(row[what] for row in rows) for rows in (after[:quarter + 1], after[-quarter - 1:]))
            self.note(f"{what}: at most {peak_before} in the warm-up and {peak_after} after it; median {first:g} in the first quarter "
                      f"after it, {last:g} in the last")
            if peak_after > peak_before + more or last > first + MORE_IN_THE_MEDIAN:
                self.fail(f"{what} have grown: from {peak_before} to {peak_after}, medians from {first:g} to {last:g}")

    # --- Files ---

    def write(self):
        """Writes the report. Returns the exit code."""
        self.judge()
        text = self.text()
        with open(os.path.join(self.arguments.folder, "report.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        print(text, end="")
        python = os.path.join(ROOT, ".venv", "bin", "python")
        drawn = os.path.exists(python) and self.rows and subprocess.run(
            [python, os.path.join(HERE, "plot"), self.path, self.arguments.folder], check=False).returncode == 0
        if not drawn:
            print("no plots: they need matplotlib in .venv, see .ci/dependencies")
        return 1 if self.wrong else 0

    def text(self):
        last = self.rows[-1] if self.rows else {}
        seconds = last.get("seconds", 0)
        lines = [f"soak of {seconds:.0f} s, seed {self.arguments.seed}: {last.get('received', 0):,} packets, "
                 f"{last.get('exported', 0):,} records, {len(self.rows)} samples",
                 "faults: " + ", ".join(f"{name} {count}" for name, count in self.faults.items()), *self.notes]
        lines += [f"WRONG: {what}" for what in self.wrong] or ["everything balanced and flat"]
        return "\n".join(lines) + "\n"
