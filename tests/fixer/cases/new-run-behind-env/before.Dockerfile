FROM python:3.11-alpine3.19

ARG VERSION=dev
ENV PYTHONUNBUFFERED=1
LABEL org.opencontainers.image.version=$VERSION

WORKDIR /app

# dependencies first: they change less often
COPY requirements.txt .
RUN pip install -r requirements.txt

COPY . .
CMD ["python", "main.py"]
