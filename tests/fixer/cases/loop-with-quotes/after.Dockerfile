FROM python:3.11-alpine3.19
RUN for package in musl-dev linux-headers gcc; do \
        apk add --no-cache "$package"; \
    done
RUN pip install lz4==4.4.5
