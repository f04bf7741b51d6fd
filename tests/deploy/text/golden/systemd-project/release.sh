set -e
/opt/mysite/releases/0.0.0-golden/env/bin/python -m parley_serving -m parley_serving.migrate --noinput
/opt/mysite/releases/0.0.0-golden/env/bin/python -m parley_serving manage.py createcachetable 'a table'
