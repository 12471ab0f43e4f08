FROM python:3.12-alpine3.21
RUN apk add --no-cache --virtual .build-deps gcc musl-dev libffi-dev \
    && pip install --no-cache-dir cryptography==46.0.3 \
    && apk del .build-deps
