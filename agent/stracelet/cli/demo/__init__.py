# SPDX-License-Identifier: Apache-2.0
"""`stracelet demo`: a container made without a runtime, traced, and shown live.

`container` makes and removes it, `program` is what runs in it, `window` shows what the agent's metrics say of it as
`view` lays it out, and `command` puts them together.
"""
