FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc=13.2.1_git20231014-r0 musl-dev=1.2.4_git20230717-r6 lz4-dev=1.9.4-r5
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq=16.11-r0 tini=0.19.0-r2
COPY --from=builder /install /usr/local
