"""Where the app lives."""

from pathlib import Path

APP = Path(__file__).resolve().parent.parent
