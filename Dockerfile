# Where no registry of images can be reached, `make image` makes both base images from Debian's packages.
# Tags move. `docker buildx imagetools inspect` prints the digest of an image that you have checked, and --build-arg takes it:
# docs/operations.md has the commands.
ARG NODE=node:22-slim
ARG PYTHON=python:3.11-slim

# GraphiQL's own files. The image needs no Node to run; without this stage the page would load them from the internet.
FROM ${NODE} AS graphiql
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --ignore-scripts

FROM ${PYTHON}

# A fixed number, so that the owner of a mounted folder can be set to it.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/openings --shell /usr/sbin/nologin openings

WORKDIR /opt/openings
COPY . .
COPY --from=graphiql /build/node_modules node_modules
# Editable: the packages stay where they are, beside node_modules. The container's user cannot write here, so the
# byte code that every start would write is written now.
RUN python3 -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --constraint constraints.txt --editable . \
    && .venv/bin/python -m compileall -q core db resolvers schema server \
    && ln -s /opt/openings/.venv/bin/openings /usr/local/bin/openings

USER openings
ENV OPENINGS_HOST=0.0.0.0 \
    OPENINGS_PORT=8000 \
    OPENINGS_LOG=json \
    OPENINGS_DATABASE_URL=sqlite:////var/lib/openings/openings.db
VOLUME /var/lib/openings
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD /opt/openings/.venv/bin/python -c "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"

ENTRYPOINT ["openings"]
CMD ["serve"]
