"""The limits of the way in on PostgreSQL: of many processes at once, and of those who are known."""

import os
import subprocess
import sys
from collections import Counter
from typing import Any
from urllib.parse import quote

from tests.checkout import APP
from tests.postgres import running_cluster

COME = """
import django; django.setup()
from accounts import limits
from accounts.credentials import BadCredentials, Locked, credentials_check
from accounts.newcomers import TooManyPeople, newcomer_admit
limits.PEOPLE_PER_ADDRESS = 25
for number in range(20):
    try:
        newcomer_admit(address=f"2001:db8:1:2::{number:x}")
        print("admitted")
    except TooManyPeople:
        print("refused")
for number in range(5):
    try:
        credentials_check(username="ß" * 150, password="a guess", address=f"2001:db8:1:3::{number:x}")
    except (BadCredentials, Locked) as error:
        print(type(error).__name__)
"""
AFTER = """
import django; django.setup()
from accounts.cleanup import cleanup
from accounts.credentials import Locked, credentials_check, login_try
from accounts.models import KnownAddress, Newcomer, User
print(Newcomer.objects.count())
User.objects.create_user("ada", password="right")
for _ in range(2):
    credentials_check(username="ada", password="right", address="192.0.2.7")
for number in range(50):
    try:
        login_try(username="ada", address=f"198.51.100.{number // 5}")
    except Locked:
        print("early")
for address in ("192.0.2.7", "192.0.2.8"):
    try:
        credentials_check(username="ada", password="right", address=address)
        print("in")
    except Locked:
        print("locked")
print(KnownAddress.objects.count(), sorted(cleanup().values()))
"""
PROCESSES = 4


def test_the_limits_hold_for_all_processes_together() -> None:
    """25 of 80 are let in, 5 of 20 guesses are looked at, and a known address is known."""
    with running_cluster() as directory:
        environment = os.environ | {
            "PARLEY_ENV": "test",
            "PARLEY_DATABASE_URL": f"postgres://parley@{quote(str(directory), safe='')}/postgres",
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        }
        options: dict[str, Any] = {"cwd": APP, "env": environment, "text": True, "stdout": subprocess.PIPE}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], check=True, timeout=120, **options)
        running = [subprocess.Popen([sys.executable, "-c", COME], **options) for _ in range(PROCESSES)]
        said = Counter(word for process in running for word in process.communicate(timeout=120)[0].split())
        assert said["admitted"] <= 25
        assert said["admitted"] + said["refused"] == 20 * PROCESSES
        assert said["BadCredentials"] <= 5
        assert said["BadCredentials"] + said["Locked"] == 5 * PROCESSES
        done = subprocess.run([sys.executable, "-c", AFTER], check=True, timeout=120, **options).stdout.split("\n")
        assert done[0] == str(said["admitted"])
        assert done[1:3] == ["in", "locked"]
        assert done[3] == "1 [0, 0, 0, 0, 0, 0, 0, 0]"
