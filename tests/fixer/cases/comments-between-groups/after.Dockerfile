FROM python:3.11-alpine3.19

RUN apk add --no-cache \
    # what the service calls
    curl \
    libmagic \
    tini \
    # what pip compiles with
    gcc \
    libpq-dev \
    musl-dev

RUN pip install psycopg2==2.9.11 python-magic==0.4.27
