# SPDX-License-Identifier: Apache-2.0
"""What the tests of the native program stand on: real tracees in cgroups of their own, watched from outside."""
