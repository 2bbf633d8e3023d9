# SPDX-License-Identifier: Apache-2.0
"""Every error that a command ends with; its text is one line: what failed, for which target, what to do.

ClientError                 1
  UsageError                2   the command line
  KubectlError              1   what kubectl said
    NotPermitted            4   the API server's 403
    NotFound                3   no such object, or no such container in it
    NotInstalled            1   the cluster knows no Trace
    Unreachable             1   no API server answers
  NoAgent                   1   nobody on that node who could trace
  AgentError                1   what an agent said, or that it says nothing
  OutputError               1   where lines are written to takes no more
"""

from __future__ import annotations

from typing import ClassVar


class ClientError(Exception):
    """The root."""

    exit_code: ClassVar[int] = 1


class UsageError(ClientError):
    """The command line does not make sense."""

    exit_code = 2


class KubectlError(ClientError):
    """What kubectl failed with. `silent`: it did not say why."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


class NotPermitted(KubectlError):
    """The API server's 403, or what its admission refuses."""

    exit_code = 4


class NotFound(KubectlError):
    """No such object."""

    exit_code = 3


class NotInstalled(KubectlError):
    """The cluster has no `traces.stracelet.io`."""


class Unreachable(KubectlError):
    """No API server answers."""


class NoAgent(ClientError):
    """No agent, or none that is ready, where one is needed."""


class AgentError(ClientError):
    """An agent refused, failed, or is lost. `status`: of HTTP, 0 where there was no answer."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class OutputError(ClientError):
    """A file or a command takes no more lines."""
