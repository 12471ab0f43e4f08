FROM python:3.11-alpine3.19
RUN <<EOF
set -e
apk add --no-cache \
  gcc \
  libpq-dev \
  musl-dev
pip install psycopg2==2.9.11
EOF
