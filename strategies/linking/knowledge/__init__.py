"""What the linker was told beforehand: names, cues, families and cells, and their weights.

The tables are frozen. They were written beside one judged set and are right on it far more often
than on tomorrow's news, so nothing is decided by them alone: what they say is one group of features
among others.
"""
