# The Airflow side: api-server, scheduler, dag-processor, triggerer, Celery worker, and the gateway. See docs/images.md.
# Build from the root of the repository: docker build --build-arg VERSION=0.1.0 -t llmbatch-airflow:0.1.0 .
ARG BASE_IMAGE=apache/airflow:slim-3.3.2-python3.11

FROM ${BASE_IMAGE} AS packages
# Where packages come from, if not from PyPI. Arguments of this stage are not in the history of the image.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG UV_FIND_LINKS
ENV UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    VIRTUAL_ENV=/home/airflow/.local
USER 0:0
WORKDIR /build
COPY requirements/uv.txt requirements/image-airflow.lock ./
RUN python3 -m venv uv \
    && uv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r uv.txt \
    && uv/bin/uv venv --clear --no-project --python uv/bin/python "${VIRTUAL_ENV}" \
    && uv/bin/uv pip sync --require-hashes --only-binary :all: --compile-bytecode --no-progress image-airflow.lock
USER 50000:0

FROM ${BASE_IMAGE}
# The base's own packages go: what is left is exactly the lock. Root owns it, so that no process can change its code.
USER 0:0
RUN rm -rf /home/airflow/.local
COPY --from=packages /home/airflow/.local /home/airflow/.local

ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/llmbatch/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/llmbatch/plugins \
    AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK=True \
    DO_NOT_TRACK=1 \
    LLMBATCH_CONFIG=/opt/llmbatch/config/config.yaml \
    PATH=/home/airflow/.local/bin:/opt/llmbatch/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/llmbatch/include \
    PYTHONUNBUFFERED=1 \
    VIRTUAL_ENV=/home/airflow/.local

COPY deploy/images/airflow-health bin/llmbatch /opt/llmbatch/bin/
COPY config/config.yaml /opt/llmbatch/config/
COPY dags /opt/llmbatch/dags
COPY plugins /opt/llmbatch/plugins
COPY include /opt/llmbatch/include
# Bytecode is made here, since a read-only root takes none later. Airflow would write the default airflow.cfg, too; all
# settings are variables, so an empty file does.
RUN python3 -m compileall -q /opt/llmbatch \
    && touch /opt/airflow/airflow.cfg \
    && chmod -R u=rwX,go=rX /opt/llmbatch

ARG BASE_IMAGE
ARG VERSION
ARG REVISION
# Empty ones would name Airflow's image otherwise: labels are inherited.
LABEL org.opencontainers.image.title="llmbatch, Airflow side" \
      org.opencontainers.image.description="LLM batch inference with deadlines: Airflow with llmbatch, and its HTTP API" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.authors="" \
      org.opencontainers.image.created="" \
      org.opencontainers.image.documentation="" \
      org.opencontainers.image.licenses="" \
      org.opencontainers.image.ref.name="llmbatch-airflow" \
      org.opencontainers.image.source="" \
      org.opencontainers.image.url="" \
      org.opencontainers.image.vendor=""

# Entrypoint and command are those of the official image.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=5 CMD ["airflow-health"]
USER 50000:0
