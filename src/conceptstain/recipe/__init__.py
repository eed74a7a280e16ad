"""Recipes: studies that are written down to be done over again."""

from conceptstain.recipe.schema import Recipe

__all__ = ["Recipe"]
