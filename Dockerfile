# SPDX-License-Identifier: Apache-2.0
# `make image`. The same base image, Debian packages, lock files and SOURCE_DATE_EPOCH make the same files.
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev linux-libc-dev make python3 python3-dev python3-venv
WORKDIR /src
RUN python3 -m venv /opt/stracelet && python3 -m venv /opt/sbom
COPY requirements.lock ./
COPY tools/image/requirements.lock tools/image/
RUN /opt/stracelet/bin/pip install --no-compile --no-cache-dir --require-hashes --requirement requirements.lock \
    && /opt/sbom/bin/pip install --no-cache-dir --require-hashes --requirement tools/image/requirements.lock
ARG STRACELET_COMMIT=
COPY . .
ENV PATH=/opt/stracelet/bin:$PATH
RUN pip install --no-compile --no-cache-dir --no-build-isolation --no-deps . \
    && pip uninstall --yes setuptools pip \
    && tools/image/trim /opt/stracelet

FROM debian:bookworm-slim AS run
RUN apt-get update && apt-get install -y --no-install-recommends python3
COPY --from=build /opt/stracelet /opt/stracelet

# What is in the image: Python's packages by CycloneDX's own tool, and Debian's.
FROM build AS sbom
COPY --from=run /var/lib/dpkg /run-dpkg
RUN /opt/sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON --pyproject pyproject.toml \
        /opt/stracelet/bin/python >/python.json \
    && tools/image/sbom.py /python.json /run-dpkg >/sbom.cdx.json

FROM run AS whole
COPY --from=sbom /sbom.cdx.json /usr/share/doc/stracelet/sbom.cdx.json
COPY LICENSE /usr/share/doc/stracelet/
COPY tools/image/settle /tmp/settle
ARG SOURCE_DATE_EPOCH=0
RUN /tmp/settle "$SOURCE_DATE_EPOCH"

# The file system alone: whatever the base image sets for its own place (PIP_CERT, SSL_CERT_FILE) ends here, which an
# empty ENV would not do.
FROM scratch
COPY --from=whole / /
ARG STRACELET_COMMIT=
ARG STRACELET_VERSION=
LABEL org.opencontainers.image.title="stracelet" \
      org.opencontainers.image.description="strace for every container on the node: names in, syscalls out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$STRACELET_VERSION" \
      org.opencontainers.image.revision="$STRACELET_COMMIT" \
      org.opencontainers.image.base.name="debian:bookworm-slim"
ENV PATH=/opt/stracelet/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1
EXPOSE 9477
USER 65532:65532
ENTRYPOINT ["stracelet"]
CMD ["agent"]
