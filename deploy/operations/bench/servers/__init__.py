"""The servers that Parley is measured against, each as small as it can be."""
