# The image of alpine-doctor itself, built from the wheel in dist/: docker build -f containers/alpine.Dockerfile .
# Every dependency has a wheel for musl: nothing is compiled, and no compiler is in it.
FROM python:3.13-alpine3.22 AS build
COPY dist/*.whl /wheel/
RUN python -m venv /opt/alpine-doctor \
    && /opt/alpine-doctor/bin/pip install --no-cache-dir /wheel/*.whl

FROM python:3.13-alpine3.22
RUN apk add --no-cache git \
    && adduser -D -H -u 65532 doctor
COPY --from=build /opt/alpine-doctor /opt/alpine-doctor
ENV PATH=/opt/alpine-doctor/bin:$PATH \
    ALPINE_DOCTOR_CACHE_DIR=/tmp/alpine-doctor
USER doctor
WORKDIR /project
ENTRYPOINT ["/opt/alpine-doctor/bin/alpine-doctor"]
CMD ["check"]
