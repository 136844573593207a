# Two images: `factorlog` (the last stage, so the default) and `mail-sink` for the profile "dev" of compose.yaml.

FROM python:3.11-slim AS base
# Nothing writes beside the code; logs come as they are written.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Everything that is pinned, also for development: the build backend among it. Nothing of this goes into `factorlog`.
FROM base AS tools
COPY requirements.lock /build/
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-deps --require-hashes --requirement /build/requirements.lock

FROM tools AS wheel
COPY pyproject.toml README.md LICENSE /build/
COPY events /build/events
COPY services /build/services
COPY workers /build/workers
COPY migrations /build/migrations
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/dist /build

FROM base AS installed
COPY requirements.runtime.lock /build/
COPY --from=wheel /build/dist /build/dist
RUN python -m venv /opt/factorlog \
    && /opt/factorlog/bin/pip install --no-deps --require-hashes --requirement /build/requirements.runtime.lock \
    && /opt/factorlog/bin/pip install --no-deps --no-index --find-links /build/dist factorlog

FROM tools AS mail-sink
USER 10001:10001
ENTRYPOINT ["/opt/tools/bin/python", "-m", "aiosmtpd", "--nosetuid"]
CMD ["--listen", "127.0.0.1:8025", "--class", "aiosmtpd.handlers.Debugging", "stdout"]

FROM base AS factorlog
COPY --from=installed /opt/factorlog /opt/factorlog
ENV PATH=/opt/factorlog/bin:$PATH FACTORLOG_DATA_DIR=/var/lib/factorlog
# The number stands in compose.yaml and in docs/operations/make-secrets.sh too: secrets belong to it.
RUN groupadd --gid 10001 factorlog \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/factorlog factorlog \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/factorlog /var/lib/factorlog/secrets
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["factorlog"]
CMD ["serve"]
# Of `serve`; other commands switch it off.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import http.client; \
    api = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); api.request('GET', '/healthz'); \
    raise SystemExit(api.getresponse().status != 200)"]
