"""A bare Debian host: releases under /opt, units of our own, nginx, Redis and PostgreSQL of the distribution."""
