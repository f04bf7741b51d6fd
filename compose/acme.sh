#!/bin/sh
# acme.sh TLS CERTBOT WEBROOT WORK: has certbot get a certificate for $HOSTS and renew it, and puts it into TLS.
#
# It replaces nothing but what it put there itself, and what `setup` made: `setup` refuses to have it replace a pair of
# the operator's, but sees COMPOSE_PROFILES alone, and neither `--profile acme` nor `up acme`. WORK/done says that all is
# well; what failed is tried again after an hour.
set -u
umask 027
tls=$1 certbot=$2 webroot=$3 work=$4
live=$certbot/live/parley
who=--register-unsafely-without-email
[ -z "$EMAIL" ] || who=--email=$EMAIL

# Fails, and says so, if there is a file that neither certbot nor `setup` has made.
is_free() {
  for pair in certificate.pem:fullchain key.pem:privkey; do
    name=${pair%:*} kind=${pair#*:}
    [ -e "$tls/$name" ] || [ -L "$tls/$name" ] || continue
    for known in "$certbot/ours/$name" "$live/$kind.pem" "$certbot/archive/parley/$kind"*.pem; do
      cmp -s "$known" "$tls/$name" && continue 2
    done
    whose="$name in ${FOLDER:-the volume tls} is somebody else's and stays"
    echo "acme: $whose: remove certificate.pem and key.pem there, or do not start acme" >&2
    return 1
  done
}

get() {
  certbot certonly --non-interactive --agree-tos "$who" --server "$SERVER" --cert-name parley --domains "$HOSTS" \
    --keep-until-expiring --renew-with-new-domains --webroot --webroot-path "$webroot" \
    --config-dir "$certbot" --work-dir "$work/certbot" --logs-dir "$work/certbot"
}

place() {
  cmp -s "$live/fullchain.pem" "$tls/certificate.pem" && cmp -s "$live/privkey.pem" "$tls/key.pem" && return
  cp -- "$live/privkey.pem" "$tls/.key.new" && cp -- "$live/fullchain.pem" "$tls/.certificate.new" &&
    mv -f -- "$tls/.key.new" "$tls/key.pem" && mv -f -- "$tls/.certificate.new" "$tls/certificate.pem"
}

while :; do
  if is_free && get && is_free && place; then
    touch "$work/done"
    sleep 43200
  else
    rm -f "$work/done"
    sleep 3600
  fi
done
