#!/bin/sh
# A deployment is over when the page is served.
set -eu
curl -fsS --retry 20 --retry-delay 3 --retry-all-errors -o /dev/null http://localhost:8080/
