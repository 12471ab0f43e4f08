FROM python:3.11-alpine3.19 AS base
RUN apk add --no-cache ca-certificates lz4-libs

FROM base AS builder
RUN apk add --no-cache gcc musl-dev lz4-dev
RUN python -m venv /venv && /venv/bin/pip install lz4==4.4.5

FROM base
COPY --from=builder /venv /venv
CMD ["/venv/bin/python", "-m", "app"]
