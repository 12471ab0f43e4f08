FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev && \
    pip install --no-cache-dir psycopg2==2.9.11 && \
    apk del gcc musl-dev
