FROM python:3.12-alpine3.21
RUN pip install --no-cache-dir cryptography==46.0.3
