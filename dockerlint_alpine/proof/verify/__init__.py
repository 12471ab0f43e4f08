"""Proves on a real engine what ``check`` says: the image is built, its loader asked, its services started and probed.

The only part of the program that runs anything of a project. Reached by ``verify`` and ``fix --verify`` alone.
"""
