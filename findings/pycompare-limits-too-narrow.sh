#!/bin/sh
# pyCompare 1.5.4, Bland-Altman plots of two raters or of a rater and a model
#
# Expected: limits of agreement are the mean difference ± 1.96 standard deviations of the differences, divided by n - 1, as
#   Bland and Altman define them and other packages compute them (pingouin 0.5.5 here).
# Seen: the deviation is divided by n: of six cases the limits are 9 % too narrow, of twenty 2.5 %. No option changes it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyCompare==1.5.4 pingouin==0.5.5 numpy==2.2.6 scipy==1.15.3 matplotlib==3.10.3 pandas==2.3.3
MPLBACKEND=Agg "$folder/venv/bin/python" - <<'PYTHON'
import matplotlib.pyplot as plt
import numpy as np
import pingouin
import pyCompare

first = np.array([51.2, 48.7, 60.3, 55.1, 47.9, 53.4])
second = first - np.array([1.0, -2.0, 0.5, 3.0, -1.5, 2.0])


def limits(axes):
    lines = {round(float(line.get_ydata()[0]), 6) for line in axes.get_lines() if len(set(line.get_ydata())) == 1}
    return min(lines), max(lines)


_, axes = plt.subplots()
pyCompare.blandAltman(first, second, confidenceInterval=None, ax=axes)
theirs = limits(axes)
other = limits(pingouin.plot_blandaltman(first, second, confidence=None, ax=plt.subplots()[1]))
difference = first - second
by = {ddof: difference.mean() + 1.96 * difference.std(ddof=ddof) * np.array([-1, 1]) for ddof in (0, 1)}
print("pyCompare", theirs, "pingouin", other)
print("by n", by[0].round(3).tolist(), "by n - 1", by[1].round(3).tolist())
assert np.allclose(other, by[1], atol=1e-3), "the other package behaves otherwise now"
assert np.allclose(theirs, by[0], atol=1e-3), "behaves otherwise now"
PYTHON
