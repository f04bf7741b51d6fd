import sys

from books.live import SHELF, tell
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Tell everybody who has the shelf open each line of the standard input."

    def handle(self, *args, **options):
        lines = [line.strip() for line in sys.stdin if line.strip()]
        for line in lines:
            tell(SHELF, announced=line)
        self.stdout.write(f"announced {len(lines)}")
