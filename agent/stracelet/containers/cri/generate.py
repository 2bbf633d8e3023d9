# SPDX-License-Identifier: Apache-2.0
"""Makes api_pb2.py and its types from api.proto, by grpcio-tools; run it as a program, from any folder."""

import sys
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

HERE = Path(__file__).resolve().parent
AGENT = HERE.parents[2]
STUB_HEADER = '# mypy: disable-error-code="type-arg"\n'  # protoc writes a bare Mapping


def main() -> int:
    proto, stub = HERE / "api.proto", HERE / "api_pb2.pyi"
    status = protoc.main(["protoc", f"--proto_path={AGENT}", f"--python_out={AGENT}", f"--pyi_out={AGENT}", str(proto)])
    if status == 0:
        stub.write_text(STUB_HEADER + stub.read_text())
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
