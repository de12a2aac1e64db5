"""How an environment on a layer is known."""

LAYER_STATE = "_virtualenv_reflink_layer.json"
"""The file among its packages that tells of the layer."""
