#!/bin/sh
# edge.sh GIVEN SERVED [CONFIGURATION]: has nginx accept a certificate and its key before they are served. Compose's
# edge runs it, and systemd before each start and reload of nginx.
#
# GIVEN is the folder where somebody puts certificate.pem and key.pem. SERVED is where nginx reads them: links that lead
# through one more, `now`, so that both change at once. A pair that is torn, encrypted or another's is named and not
# served: the one before it is, also after a restart. With CONFIGURATION this process becomes nginx, and a loop beside
# it looks every five seconds, at the files beside CONFIGURATION too.
set -u
given=$1 served=$2

say() { printf '%s [error] 1#1: %s\n' "$(date '+%Y/%m/%d %H:%M:%S')" "$*" >&2; } # as nginx writes its own lines

sum() { cat "$given/certificate.pem" "$given/key.pem" 2>/dev/null | cksum; }

# Of nginx's own files; their folder is a link, which is changed in one step.
configured() { cat "$configuration"/*.conf "$configuration/mime.types" 2>/dev/null | cksum; }

# Copy what is given into a folder of its own, and have nginx read it there. Prints why not. The modes are not the
# given ones: systemd runs this as root, and nginx later reads the files as the site's user, by their group.
accepted() {
  umask 027
  rm -rf "$1" && mkdir "$1" && cp "$given/certificate.pem" "$given/key.pem" "$1/" &&
    chmod 640 "$1/certificate.pem" "$1/key.pem" && cat >"$1/nginx.conf" <<END || return
pid $1/pid;
events {}
http {
  access_log off;
  client_body_temp_path $1/body;
  proxy_temp_path $1/proxy;
  fastcgi_temp_path $1/fastcgi;
  uwsgi_temp_path $1/uwsgi;
  scgi_temp_path $1/scgi;
  server {
    listen unix:$1/socket;
    ssl_certificate $1/certificate.pem;
    ssl_certificate_key $1/key.pem;
  }
}
END
  nginx -t -q -e stderr -c "$1/nginx.conf" </dev/null && authority "$1"
}

# Leave a line for nginx beside a certificate that somebody else signed (hsts.conf). Without openssl there is none.
authority() {
  subject=$(openssl x509 -in "$1/certificate.pem" -noout -subject_hash) &&
    issuer=$(openssl x509 -in "$1/certificate.pem" -noout -issuer_hash) || return 0
  [ "$subject" = "$issuer" ] || printf '%s\n' "default \$hsts_wanted;" >"$1/authority.conf"
}

# Serve what is given, if nginx accepts it. Prints why not.
take() {
  case $(readlink "$served/now") in one) next=two ;; *) next=one ;; esac
  why=$(accepted "$served/$next" 2>&1) || {
    # Neither its question for a passphrase, nor time and process, which would make each try another reason.
    said=$(printf '%s\n' "$why" | sed -n 's/^.*\[emerg\] \([0-9]*#[0-9]*: \)*//p' | head -n 1)
    printf '%s\n' "the pair in $given is not served: ${said:-$(printf '%s' "$why" | head -n 1)}"
    rm -rf "${served:?}/$next"
    return 1
  }
  why=$(linked "$next" 2>&1) || {
    printf '%s\n' "the pair in $given is not served: ${why:-its links in $served cannot be made}"
    return 1
  }
}

# Have both names lead to a folder.
linked() {
  ln -sfn "$1" "$served/.now" && mv -fT "$served/.now" "$served/now" &&
    ln -sfn now/certificate.pem "$served/certificate.pem" && ln -sfn now/key.pem "$served/key.pem"
}

taken=$(sum)
said=''
why=$(take) || { taken='' said=$why && say "$why"; }
[ $# -ge 3 ] || exec test -z "$said"

configuration=$(dirname "$3")
read=$(configured)
unread=''
while sleep 5; do
  # A name more changes the files and the pair, one after the other: both are to be one reload, which moves every socket.
  if [ "$(configured)$(sum)" != "$read$taken" ]; then sleep 1; fi
  reload=''
  now=$(sum)
  if [ "$now" = "$taken" ]; then
    said=''
  elif why=$(take); then
    taken=$now said='' reload=yes
  elif [ "$why" != "$said" ]; then
    said=$why
    say "$why; the one before it is"
  fi
  now=$(configured)
  if [ "$now" != "$read" ] && [ "$now" != "$unread" ]; then
    if why=$(nginx -t -q -e stderr -c "$3" 2>&1 </dev/null); then
      read=$now unread='' reload=yes
    else
      unread=$now
      say "the files in $configuration are not read: $(printf '%s' "$why" | head -n 1)"
    fi
  fi
  [ -z "$reload" ] || kill -HUP $$
done &
exec nginx -e stderr -c "$3"
