from python:3.11-alpine3.19
workdir /app
run apk add --no-cache gcc libpq-dev musl-dev
copy . .
run pip install psycopg2==2.9.11
