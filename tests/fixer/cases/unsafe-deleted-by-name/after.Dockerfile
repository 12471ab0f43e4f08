FROM python:3.11-alpine3.19
RUN apk add --no-cache curl \
    && pip install cryptography==46.0.3
