FROM python:3.11-alpine3.19
RUN apk add --no-cache \
    bash \
    curl \
    file \
    gcc \
    git \
    musl-dev \
    openssh-client \
    tini
RUN pip install psycopg2==2.9.11 python-magic==0.4.27
