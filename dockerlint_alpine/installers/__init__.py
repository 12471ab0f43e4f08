"""The installers of Python packages, one module each: what a command of theirs asks for, and where it puts it.

They may look at syntax and Python, and at a stage through :class:`~dockerlint_alpine.installers.base.Surroundings`.
"""
