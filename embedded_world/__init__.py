"""The world that ships with the book: images that it draws, a small network, and three encoders trained on them."""
