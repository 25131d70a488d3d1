"""Controls, forms and plots."""
