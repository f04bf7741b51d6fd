# The image of every Python container of docker-compose.prod.yml: the app, and `python -m deploy setup`.
#   docker compose -f docker-compose.prod.yml build
# Reproducible from requirements/run.txt: wheels alone, each checked against its hash, so no compiler anywhere.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-trixie AS python
ENV LANG=C.UTF-8

# Needs a package index: the default one, or what --build-arg PIP_INDEX_URL says; neither stays in the image.
FROM python AS wheels
ARG PIP_INDEX_URL PIP_EXTRA_INDEX_URL
ARG PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /opt/parley
COPY requirements/run.txt requirements/
RUN python -m venv --without-pip /opt/parley-venv \
    && python -m pip --python /opt/parley-venv/bin/python install --quiet --require-hashes --only-binary :all: -r requirements/run.txt

# The key is made for this one command: production settings do not load without one (pitfalls A11).
FROM wheels AS release
ENV PATH=/opt/parley-venv/bin:$PATH
COPY . .
WORKDIR /opt/parley/app
RUN PARLEY_ENV=production PARLEY_SECRET_KEY="$(python -c 'import secrets; print(secrets.token_hex(32))')" \
    PARLEY_HOSTS=build PARLEY_ORIGINS=https://build PARLEY_DATABASE_URL=sqlite:////tmp/unused PARLEY_LAYER_URL=none:// \
    PARLEY_STATIC_ROOT=/opt/parley/static python manage.py collectstatic --noinput --verbosity=0
WORKDIR /opt/parley
# Compiled here: a read-only root keeps no bytecode. RELEASE is what `welcome.server` tells. A checkout that was made with
# a umask of 077 is its owner's alone, and the containers' user is another one.
RUN chmod -R a+rX app compose deploy nginx prometheus requirements systemd parley.toml pyproject.toml \
    && python -m compileall -q --invalidation-mode unchecked-hash app deploy \
    && python -c 'from deploy.model.release import release; print(release())' >RELEASE

FROM python AS runtime
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Parley" \
    org.opencontainers.image.description="A chat that loses nothing, whatever dies: Django Channels on gunicorn and uvicorn" \
    org.opencontainers.image.licenses="BSD-3-Clause" \
    org.opencontainers.image.version="${VERSION}"
# A volume that is mounted on one of these folders for the first time takes its owner and mode from here.
RUN groupadd --gid 10001 parley \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin parley \
    && for folder in nginx tls tls-served secrets/app secrets/redis secrets/postgres static acme certbot prometheus; do \
        install -d -o 10001 -g 10001 -m 0750 "/srv/parley/$folder"; done
# A layer that all releases with these packages share: what differs is small.
COPY --from=wheels /opt/parley-venv /opt/parley-venv
COPY --from=release /opt/parley /opt/parley
ENV PATH=/opt/parley-venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    PARLEY_RELEASE_FILE=/opt/parley/RELEASE
WORKDIR /opt/parley/app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# slim has no curl. /readyz and not /healthz: Docker restarts nothing for this, and a rollout waits for it. http.client
# knows of no proxy: where Docker's client has `proxies`, HTTP_PROXY is in every container, and urllib would go there.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/readyz'); exit(c.getresponse().status != 200)"]
# The exec form: a shell in between would keep SIGTERM to itself (pitfalls D1).
CMD ["python", "-m", "gunicorn", "-c", "gunicorn.conf.py", "config.asgi:application"]
