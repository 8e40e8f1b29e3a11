#!/bin/sh
set -e

# The database may be new.
flask --app portal.app db upgrade
PGPASSWORD=canary-in-a-script psql -h db -U portal -c 'select 1'

exec "$@"
