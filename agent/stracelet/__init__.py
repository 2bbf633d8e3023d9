# SPDX-License-Identifier: Apache-2.0
"""strace for every container on the node. Names in, syscalls out.

A folder for each box of the picture in ARCHITECTURE.md; a module imports only what stands below it:
``cli``, ``app``, ``server``, ``metrics``, ``tracing``, ``containers``, ``config`` and ``native``, ``errors`` and
``log``, ``text``.
"""

__version__ = "0.1.0.dev0"
