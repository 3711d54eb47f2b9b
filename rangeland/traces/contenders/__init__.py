"""What stands beside the pools in a comparison: real allocators, what was recorded, the ideal."""
