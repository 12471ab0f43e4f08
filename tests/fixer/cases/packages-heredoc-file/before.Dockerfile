FROM python:3.11-alpine3.19
COPY <<EOF /etc/build-packages
gcc
musl-dev
EOF
RUN apk add --no-cache $(cat /etc/build-packages)
RUN pip install psycopg2==2.9.11
