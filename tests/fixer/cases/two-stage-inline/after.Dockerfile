FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc lz4-dev musl-dev postgresql-dev
RUN pip install --prefix=/install lz4==4.4.5 psycopg2==2.9.11

FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq lz4-libs
COPY --from=builder /install /usr/local
CMD ["python", "-m", "app"]
