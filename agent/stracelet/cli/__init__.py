# SPDX-License-Identifier: Apache-2.0
"""The command line: arguments in, tables and exit statuses out.

A module for each command, `main` that lists them and turns errors into one line and an exit status, and the tables
that they print. What is traced, and how it is counted, is decided in the layers below.
"""
