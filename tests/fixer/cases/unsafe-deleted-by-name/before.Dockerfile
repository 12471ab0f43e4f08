FROM python:3.11-alpine3.19
RUN apk add --no-cache curl gcc musl-dev \
    && pip install cryptography==46.0.3 \
    && apk del gcc musl-dev
