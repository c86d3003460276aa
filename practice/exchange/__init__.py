"""The matching engine in exact integers: orders, books, fills, the tape, and the auditor that
watches it. No I/O, no chance.
"""
