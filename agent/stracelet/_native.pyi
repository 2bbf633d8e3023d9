# SPDX-License-Identifier: Apache-2.0
# Made by cffi from native/include/stracelet.h, which is where its names are declared.
from typing import Any

ffi: Any
lib: Any
