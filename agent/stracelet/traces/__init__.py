# SPDX-License-Identifier: Apache-2.0
"""A trace: what it is of, what its flags ask for, its table; and in an agent, many of them on one attachment."""
