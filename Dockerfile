# syntax=docker/dockerfile:1
# docker build --build-arg TORCH_INDEX=URL .   names a further index, for CPU wheels of torch
ARG PYTHON=3.11-slim

FROM python:${PYTHON} AS build
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/semcache
ENV PATH=/opt/semcache/bin:$PATH
WORKDIR /src
COPY requirements.lock ./
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY semcache semcache
RUN pip install --no-deps --no-build-isolation .
# The default model in its serving form, so that a container starts at once (a CPU of another kind makes its own).
RUN python -c "from pathlib import Path; from semcache.embedders.minilm import MiniLm; \
    MiniLm(Path('/var/lib/semcache/models'), threads=1, batch=8, max_windows=32).load()"

FROM python:${PYTHON}
RUN useradd --system --uid 10001 --create-home semcache && install -d -o semcache /var/lib/semcache /var/lib/semcache/indexes
COPY --from=build /opt/semcache /opt/semcache
COPY --from=build --chown=semcache /var/lib/semcache /var/lib/semcache
ENV PATH=/opt/semcache/bin:$PATH PYTHONUNBUFFERED=1 \
    SEMCACHE_HOST=0.0.0.0 SEMCACHE_DATA_DIR=/var/lib/semcache SEMCACHE_INDEX_DIR=/var/lib/semcache/indexes
USER semcache
WORKDIR /var/lib/semcache
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
CMD ["semcache", "serve"]
