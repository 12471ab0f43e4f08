"""Proves the findings of ``check`` on a real engine: builds the image, runs its loader, starts and probes the services.

The only part of the program that runs anything of a project. Reached by ``verify`` and ``fix --verify`` alone.
"""
