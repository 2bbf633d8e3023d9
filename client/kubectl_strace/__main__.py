# SPDX-License-Identifier: Apache-2.0
"""`python -m kubectl_strace`, and what a zipapp runs; an older Python gets a line, not a traceback."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - a zipapp has no installer that would look
    sys.exit("kubectl-strace: this is Python %d.%d, and it needs 3.11 or later" % sys.version_info[:2])  # noqa: UP031

from kubectl_strace.main import main

if __name__ == "__main__":
    sys.exit(main())
