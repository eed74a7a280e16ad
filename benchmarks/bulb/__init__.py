"""What the benchmarks on the mouse olfactory bulb share: sections, labels, encoders, peers and tables."""
