FROM python:3.11-alpine3.19
COPY packages.txt .
RUN grep -v '^#' packages.txt | xargs apk add --no-cache
RUN pip install python-magic==0.4.27
