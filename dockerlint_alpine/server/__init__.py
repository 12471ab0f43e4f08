"""The language server: what ``check``, ``fix`` and ``explain`` say, in an editor while its user types.

From the bottom up: ``positions`` (bytes and an editor's columns), ``documents`` (open texts, paths, URIs), ``judging``
(reports that rest on unsaved texts), ``askers`` (who needs a package), then one module for each thing an editor asks for
(``diagnostics``, ``actions``, ``hover``, ``definition``), and ``app``, the only one that knows pygls.

pygls comes with the extra ``lsp``; nothing else of this project imports this package.
"""

from __future__ import annotations
