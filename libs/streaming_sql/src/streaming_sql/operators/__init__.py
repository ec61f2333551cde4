"""What runs: one operator a node of the plan, fed row by row, fired by watermarks."""
