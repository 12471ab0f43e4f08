"""Checks many repositories: sources, resource limits, and one table of findings.

``sources`` says what a source is, ``projects`` lays out what matters of one, ``judging`` judges it in a process of its own
(``child``), ``local`` drives such processes on one machine and ``fleet`` on a Dask cluster, ``results`` keeps the rows, and
``summary`` with ``page`` shows them.
"""
