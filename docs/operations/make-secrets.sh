#!/bin/sh
# Makes the files that compose.yaml hands to its services: `sudo docs/operations/make-secrets.sh secrets`.
# What exists stays, so it may be run again. Each file belongs to the user that reads it in the container, and to
# nobody else: compose mounts files as they are on this machine.
set -eu
umask 077

folder=${1:?usage: make-secrets.sh FOLDER}
app=10001    # the user of the image of this repository
server=999   # the user of the images of Postgres and Valkey

random_text() { od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# keep NAME OWNER: standard input becomes the file, unless it is there.
keep() {
    if [ -e "$folder/$1" ]; then cat >/dev/null; else cat >"$folder/$1.new" && mv "$folder/$1.new" "$folder/$1"; fi
    chown "$2:$2" "$folder/$1"
    chmod 0400 "$folder/$1"
}

mkdir -p "$folder"
random_text | keep owner_password "$server"
random_text | keep app_password "$server"
random_text | keep valkey_password 0
head -c 32 /dev/urandom | base64 | keep key "$app"

owner=$(cat "$folder/owner_password") password=$(cat "$folder/app_password") valkey=$(cat "$folder/valkey_password")
printf '*:*:*:factorlog_owner:%s\n' "$owner" | keep pgpass "$server"
printf 'postgresql://factorlog_owner:%s@/factorlog?host=/run/postgresql\n' "$owner" | keep owner_database_url "$app"
printf 'postgresql://factorlog_app:%s@/factorlog?host=/run/postgresql\n' "$password" | keep database_url "$app"
# Whoever does not sign in may ask whether it is there, for the health check, and nothing else.
printf 'user default on nopass -@all +ping\nuser factorlog on >%s ~* +@all -@dangerous +info\n' "$valkey" |
    keep valkey_acl "$server"
printf 'redis://factorlog:%s@valkey:6379/0\n' "$valkey" | keep redis_url "$app"
# The sink of the profile "dev". Write the address of a real mail server over it.
printf 'smtp://127.0.0.1:8025\n' | keep smtp_url "$app"
