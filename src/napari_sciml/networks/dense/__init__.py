"""Dense networks: mixed-scale (MSDNet) and U-shaped (TUNet, TUNet3+)."""
