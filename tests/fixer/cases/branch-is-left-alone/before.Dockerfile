FROM python:3.11-alpine3.19
ARG DEV
RUN if [ -n "$DEV" ]; then apk add --no-cache gcc musl-dev git; fi
RUN pip install python-magic==0.4.27
