FROM python:3.11-alpine3.19
RUN apk add --no-cache \
    gcc `# compiles psycopg2` \
    libpq-dev \
    musl-dev `# its headers` \
    tini
RUN pip install psycopg2==2.9.11
