FROM python:3.13-slim AS build
WORKDIR /srv
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv .venv
COPY requirements/runtime.txt requirements/runtime.txt
RUN .venv/bin/pip install --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md ./
COPY app app
COPY migrations migrations
# Editable: the migrations are found beside the package. Nothing is fetched, the build tool came with the list above.
RUN .venv/bin/pip install --no-deps --no-build-isolation -e . && .venv/bin/python -m compileall -q app migrations .venv/lib

FROM python:3.13-slim
# PostgreSQL and Redis refuse a user without a name, should this image ever run its embedded ones.
RUN useradd --system --create-home --home-dir /var/lib/rapport rapport
COPY --from=build /srv /srv
WORKDIR /srv
USER rapport
ENV PATH=/srv/.venv/bin:$PATH PYTHONUNBUFFERED=1 RAPPORT_STATE_DIR=/var/lib/rapport RAPPORT_HOST=0.0.0.0 RAPPORT_LOG_FORMAT=json
EXPOSE 8000
# Alive, not ready: whoever restarts what is unhealthy would restart a sound API whenever Redis or PostgreSQL is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('RAPPORT_PORT', '8000') + '/livez', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["rapport"]
CMD ["serve"]
