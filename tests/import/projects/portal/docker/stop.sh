#!/bin/sh
printf 'READY\n'
while read -r line; do
    kill -QUIT "$(cat /run/supervisord.pid)"
done
