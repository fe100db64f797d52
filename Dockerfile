# An emulator for a laboratory: docs/sharing.md says how to run it.
#
#   docker build --tag oqtopus-emulator .
#   docker run --init --publish 127.0.0.1:8080:8080 --volume oqtopus:/data oqtopus-emulator
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml setup.cfg README.md LICENSE ./
COPY oqtopus_client oqtopus_client
COPY qiskit_oqtopus qiskit_oqtopus
RUN python -m venv /opt/oqtopus && /opt/oqtopus/bin/pip install --no-cache-dir '.[emulator]'

FROM python:3.13-slim
COPY --from=build /opt/oqtopus /opt/oqtopus
ENV PATH=/opt/oqtopus/bin:$PATH
RUN useradd --create-home --uid 1000 oqtopus && install --directory --owner=1000 --group=1000 --mode=700 /data
USER 1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --start-period=30s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/openapi.json', timeout=5)"]
ENTRYPOINT ["oqtopus-client", "emulator", "start", "--host", "0.0.0.0", "--port", "8080", "--data", "/data"]
