"""Sweeps: one chapter under many choices of parameters, as Snakemake jobs."""
