"""What people and programs call."""
