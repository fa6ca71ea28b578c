"""From a name to images: drawn, downloaded or a user's folder."""
