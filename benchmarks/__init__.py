"""The speed of Openings compared with alternatives: `make bench`.

Every figure is a ratio to something measured in the same run, because machines are noisy and differ. A contender is
timed only after its answers have been found equal to ours.
"""
