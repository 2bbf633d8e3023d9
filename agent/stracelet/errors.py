# SPDX-License-Identifier: Apache-2.0
"""Every error stracelet raises.

    StraceletError                      1
      UsageError                        2   the command line
        PatternError                    2   a regular expression that is none
      ConfigError                       2   the configuration file
      TargetNotFound (LookupError)      3   nothing has that name
        AmbiguousTarget                 2   several things have it
      NotPermitted (PermissionError)    4   a right is missing
      TracerError                       1   the native program
        SessionLost                     1   it has gone for good
      ArenaError                        1   its shared memory
      SourceError                       1   a runtime or the cgroup tree
      ServerError                       1   the address that the metrics are served on
      RecordFileError                   1   a file of records
      OutputError                       1   where lines or records are written to
      LimitReached                      1   an agent makes no more traces

An error's text is one line: what failed, for which target. Its `help_text` says what to do about it.
"""

from __future__ import annotations

from typing import ClassVar


class StraceletError(Exception):
    """The root. `exit_code` is what a command that ends with it returns; `help_text` may be given for one instance."""

    exit_code: ClassVar[int] = 1
    help_text: str = ""

    def __init__(self, message: str, *, help_text: str | None = None) -> None:
        super().__init__(message)
        if help_text is not None:
            self.help_text = help_text


class UsageError(StraceletError):
    """The command line does not make sense."""

    exit_code = 2


class PatternError(UsageError):
    """A regular expression is none."""


class ConfigError(StraceletError):
    """The configuration cannot be used; the text names the key, what was expected and what was found."""

    exit_code = 2


class TargetNotFound(StraceletError, LookupError):
    """No container or process has that name."""

    exit_code = 3
    help_text = "`stracelet ps` lists the containers on this node."


class AmbiguousTarget(TargetNotFound):
    """Several containers have that name; the text lists them."""

    exit_code = 2
    help_text = "Name one of them by its kind (docker/NAME, pod/NAME/CONTAINER) or by its ID."


class NotPermitted(StraceletError, PermissionError):
    """A right is missing."""

    exit_code = 4
    help_text = "Run it as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH."


class TracerError(StraceletError):
    """The native program could not be started, or said something that it never should."""


class SessionLost(TracerError):
    """The supervisor has gone, and the tracer with it."""


class ArenaError(StraceletError):
    """The shared memory of the statistics cannot be read."""


class SourceError(StraceletError):
    """A source of names (a runtime, the cgroup tree) failed; the others go on."""


class PodUnseen(StraceletError):
    """Nobody looks for the containers of our own pod any more, and we have given up the right to."""


class ServerError(StraceletError):
    """The metrics cannot be served on the address that was asked for."""


class RecordFileError(StraceletError):
    """A file of records cannot be read, or not to its end."""


class LimitReached(StraceletError):
    """An agent makes no more traces at the moment; the text names the limit."""


class OutputError(StraceletError):
    """What lines or records were written to takes no more."""
