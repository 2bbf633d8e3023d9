# SPDX-License-Identifier: Apache-2.0
"""From the arena's counters to the text that Prometheus reads: sums that never fall, bounded series, two formats.

No socket is opened here, and nothing is decided about what is traced.
"""
