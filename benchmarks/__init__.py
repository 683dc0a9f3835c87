"""How fast Openings is, beside what else there is: `make bench`.

Every figure is a ratio to something that was measured in the same run, because machines are noisy and differ; and no
contender is timed before its answer has been found equal to ours.
"""
