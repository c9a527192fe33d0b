"""`python -m edge_gateway` is the `edge-gateway` command."""

import sys

from edge_gateway.cli.main import main

sys.exit(main())
