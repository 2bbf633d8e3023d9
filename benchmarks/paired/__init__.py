# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: the pairs and their ratios, the two tracers, the loads, the results. No benchmark."""
