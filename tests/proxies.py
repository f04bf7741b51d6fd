"""The variables of an environment behind a proxy, which is gone: who asks it for our own services gets nothing."""

NOBODY = "http://127.0.0.1:9"
PROXIES = {name: NOBODY for plain in ("http_proxy", "https_proxy", "all_proxy") for name in (plain, plain.upper())}
