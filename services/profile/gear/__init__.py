"""The gear inventory: what people train with, and how much."""
