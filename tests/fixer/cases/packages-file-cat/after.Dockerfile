FROM python:3.11-alpine3.19
COPY packages.txt /tmp/
RUN apk add --no-cache $(cat /tmp/packages.txt)
RUN pip install python-magic==0.4.27
