"""Prints the OpenAPI document: `python -m gpu_shopper.api.openapi > openapi.json`."""

import sys

from gpu_shopper.api.table import document

if __name__ == "__main__":
    sys.stdout.buffer.write(document())
