# SPDX-License-Identifier: Apache-2.0
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev linux-libc-dev make python3 python3-dev python3-venv
WORKDIR /src
RUN python3 -m venv /opt/stracelet
ENV PATH=/opt/stracelet/bin:$PATH
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
ARG STRACELET_COMMIT=
COPY . .
RUN pip install --no-cache-dir --no-build-isolation --no-deps . && pip uninstall --yes setuptools pip

FROM debian:bookworm-slim AS run
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/stracelet /opt/stracelet

# The file system alone: whatever the base image sets for its own place (PIP_CERT, SSL_CERT_FILE) ends here, which an
# empty ENV would not do.
FROM scratch
COPY --from=run / /
ENV PATH=/opt/stracelet/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1
EXPOSE 9477
ENTRYPOINT ["stracelet"]
CMD ["agent"]
