"""What is asked of an athlete: a store function that reads, and a pure one that makes the answer of it.

They are apart because answers take milliseconds, which a thread spends, and not the event loop.
"""
