FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
# install what we need
COPY requirements.txt .
RUN pip install -r requirements.txt
