"""How the linker's stages are learnt from judged stories, and how well they carry over.

``python -m benchmarks.learn --help``. Needs the extra ``learn``.
"""
