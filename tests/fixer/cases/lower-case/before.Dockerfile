from python:3.11-alpine3.19
workdir /app
copy . .
run pip install psycopg2==2.9.11
