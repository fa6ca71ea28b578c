"""Encoders pretrained on natural images, and the recipe that trains them; the images themselves are not shipped."""
