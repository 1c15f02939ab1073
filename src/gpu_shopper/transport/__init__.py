"""The one HTTP door to the outside."""
