FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev lz4-dev && \
    pip install --no-cache-dir lz4==4.4.5
