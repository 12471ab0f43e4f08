FROM python:3.11-alpine3.19
ARG TARGETARCH
RUN case "$TARGETARCH" in \
      arm64) apk add --no-cache libgcc ;; \
    esac
RUN apk add --no-cache gcc musl-dev && pip install psycopg2==2.9.11
