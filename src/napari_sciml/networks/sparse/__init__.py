"""Sparse mixed-scale networks (SMSNets): graph, plan, execution."""
