"""Letters and codes for the notice: widths from reportlab, QR (ISO/IEC 18004) from segno."""

from __future__ import annotations

import segno
from reportlab.pdfbase.pdfmetrics import stringWidth

from edge_gateway.people.notice_sheet import Pen

# A sheet outdoors is scratched and wet: level Q still reads with a quarter of it gone.
_ERROR_CORRECTION = "q"


def pen(content: str) -> Pen:
    """Widths of Helvetica, and the QR code of `content`."""
    code = segno.make_qr(content, error=_ERROR_CORRECTION)
    rows = [[bool(module) for module in row] for row in code.matrix]
    # The bold letters are the wider ones.
    return Pen(lambda text: stringWidth(text, "Helvetica-Bold", 1.0), rows)
