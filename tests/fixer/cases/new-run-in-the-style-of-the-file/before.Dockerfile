FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache \
        gcc \
        lz4-dev \
        musl-dev
RUN pip install --prefix=/install lz4==4.4.5

FROM python:3.11-alpine3.19
COPY --from=builder /install /usr/local
USER nobody
CMD ["python"]
