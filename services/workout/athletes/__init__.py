"""The numbers of an athlete: thresholds, fitness, totals, records, the power-duration curve."""
