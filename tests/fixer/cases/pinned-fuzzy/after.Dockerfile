FROM python:3.11-alpine3.19
RUN apk add --no-cache \
    gcc=~13.2 \
    libpq-dev=~16.11 \
    musl-dev=~1.2
RUN pip install psycopg2==2.9.11
