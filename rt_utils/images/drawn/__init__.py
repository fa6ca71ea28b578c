"""The images that the book draws."""
