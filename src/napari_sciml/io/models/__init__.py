"""Trained ensembles and trainings as folders without pickle."""
