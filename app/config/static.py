"""Static files under names that carry their content's hash, so that they can be cached for ever."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStorage(ManifestStaticFilesStorage):
    """Django's manifest storage, which also rewrites `import "./x.js"` between modules (pitfalls L9)."""

    support_js_module_import_aggregation = True
