FROM python:3.12-alpine3.21
RUN apk add --no-cache gcc make musl-dev
RUN pip install cryptography==46.0.3
COPY entrypoint.sh /
CMD ["/entrypoint.sh"]
