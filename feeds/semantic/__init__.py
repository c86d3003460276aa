"""What a story means beside the questions, by small models that ship with us (extra ``semantic``).

One model gives sentences their vectors, another reads a story and a question together. Both run on
one core, off every loop; what they say enters as an event and stands on the tape. Without the extra
everything works on plain words and tables.
"""
