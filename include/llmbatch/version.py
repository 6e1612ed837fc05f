"""The version of this release: package, wheel, images and ``llmbatch_build_info`` take it from here."""

VERSION = "0.1.0"
