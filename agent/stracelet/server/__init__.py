# SPDX-License-Identifier: Apache-2.0
"""What is served over the network. Read-only; nothing here knows a container, a counter or the tracer."""
