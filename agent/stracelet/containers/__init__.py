# SPDX-License-Identifier: Apache-2.0
"""Which containers there are, what they are called, and which processes are theirs.

PIDs come from the cgroup tree alone; names from whoever knows a container's ID: a runtime's socket. Each source is
asked by a module of its own, whose library (docker, grpc) is imported only when its socket is there. What a name on the
command line or a rule in the configuration means is decided here too; whether something is then traced is not.
"""
