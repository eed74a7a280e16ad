"""Canvases: views of data that make a network's inputs of it and bring results home."""
