# What the notice sheet uses of reportlab, which brings no types.
