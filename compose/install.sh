#!/bin/sh
# install.sh: makes a project's environment in the image: what it asks for, and Parley's server on top of that.
set -eu
cd "$(dirname "$0")"
venv=/opt/venv

install() {
  python -m pip --python "$venv/bin/python" install --quiet --no-input --no-warn-script-location "$@"
}

# What many packages without a wheel need to be built.
compiler() {
  echo 'a package has no wheel for this Python, or comes from git: with a compiler, which stays out of the image' >&2
  set -- build-essential git pkg-config
  # Where Python is Debian's, its headers are a package of their own.
  [ -e "$(python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || set -- "$@" python3-dev
  apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@"
}

project() {
  if [ -e hashed ]; then
    install --require-hashes --no-deps -r requirements.txt -c constraints.txt
  else
    install -r requirements.txt -c constraints.txt
  fi
}

has() {
  "$venv/bin/python" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec(sys.argv[1]))' "$1"
}

version() {
  "$venv/bin/python" -c 'import importlib.metadata as m, sys; print(m.version(sys.argv[1]))' "$1"
}

python -m venv --without-pip "$venv"
if [ -s requirements.txt ]; then
  project || { compiler && project; }
fi
install -r serving.txt
if [ -e layer.txt ] && has channels && ! has channels_redis; then
  echo 'channels-redis is added: without it the instances of a project that uses Channels could not hear each other'
  install -r layer.txt "channels==$(version channels)"
fi
if [ -e database.txt ] && ! has psycopg && ! has psycopg2; then
  echo 'psycopg is added: the database is PostgreSQL'
  case $(version django) in
    [123].* | 4.[01]*) install psycopg2-binary ;; # before 4.2 Django knew no psycopg 3
    *) install -r database.txt ;;
  esac
fi
