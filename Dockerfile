# The operator's image. `make image` puts the locked packages for the base's Python into build/site-packages first.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
COPY build/site-packages /opt/loadstar
COPY operator/loadstar /opt/loadstar/loadstar
ENV PYTHONPATH=/opt/loadstar PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Compiled once here, the standard library too: on a share of a core, compiling would be most of the start-up.
RUN ["python3", "-c", "import compileall, sysconfig; compileall.compile_dir('/opt/loadstar', quiet=2); compileall.compile_dir(sysconfig.get_path('stdlib'), quiet=2)"]
USER 65532:65532
ENTRYPOINT ["python3", "-m", "loadstar"]
CMD ["run"]
