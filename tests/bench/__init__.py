"""`make bench`: what the design promises in numbers, measured on this machine in one run.

`measurements/` holds one module a measurement, `peers/` what we compare with, `child.py` the processes that are
measured, `load.py` the process that loads them. `RESULTS.md` and `results.json` are the last whole run.
"""
