#!/bin/sh
make migrate
exec python -m app
