FROM python:3.11-alpine3.19
RUN apk add --no-cache \
    gcc \
    musl-dev
RUN pip install psycopg2==2.9.11
