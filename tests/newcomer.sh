#!/bin/sh
# What a newcomer does first: CI runs it on macOS and in WSL. $1 is a clone of the template.
set -eux
template=$(cd "$1" && pwd)
cd "$(mktemp -d)"
chmod 755 . # PostgreSQL is never root
uvx copier copy --defaults --vcs-ref HEAD "$template" blog-api
cd blog-api
git init --initial-branch main
git add --all
git -c user.name=Ada -c user.email=ada@example.com commit --quiet --message "Render blog-api"
uv run poe check
uv run poe dev --port 8123 &
trap 'kill -INT $!; wait $! || true' EXIT
curl --silent --fail --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:8123/health/ready
curl --silent --fail --output /dev/null http://127.0.0.1:8123/docs
uv run poe resource invoices 'number:str(40):unique amount:decimal(12,2)'
uv run poe migrate
uv run pytest -q -k invoice
